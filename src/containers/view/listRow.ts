import type { Container } from "../container.ts";
import { mountsInList } from "../mounts/mountView.ts";
import { commandOf } from "../request/containerConfig.ts";
import { networksOf } from "./networkSettings.ts";
import { statusText } from "./statusText.ts";

/** Bytes of the writable top, and with its image below. */
export interface ContainerSizes {
  readonly rw: number;
  readonly rootFs: number;
}

function quoted(argument: string): string {
  return argument.includes(" ") ? `'${argument}'` : argument;
}

/** `1234/tcp` without a host port: what the image exposes. */
function exposedPorts(ports: Readonly<Record<string, object>> | undefined): readonly object[] {
  return Object.keys(ports ?? {}).flatMap((port) => {
    const match = /^(\d+)(?:\/(\w+))?$/.exec(port);
    return match === null ? [] : [{ PrivatePort: Number(match[1]), Type: match[2] ?? "tcp" }];
  });
}

/** A row of `GET /containers/json`. `image` is the name to show: the one asked for, or the ID when that now means another image. */
export function listRow(
  container: Container,
  image: string,
  sizes: ContainerSizes | undefined,
): Readonly<Record<string, unknown>> {
  const { id, name, imageId, created, config, hostConfig, mountPoints, state } = container.document;
  const [path, ...args] = commandOf(config);
  return {
    Id: id,
    Names: [`/${name}`],
    Image: image,
    ImageID: imageId,
    Command: [path, ...args.map(quoted)].join(" "),
    Created: Math.trunc(Date.parse(created) / 1000),
    Ports: container.isRunning ? exposedPorts(config.ExposedPorts) : [],
    ...(sizes === undefined ? {} : { SizeRw: sizes.rw, SizeRootFs: sizes.rootFs }),
    Labels: config.Labels,
    State: state.status,
    Status: statusText(state, Date.now()),
    HostConfig: { NetworkMode: hostConfig.NetworkMode },
    NetworkSettings: { Networks: networksOf(hostConfig) },
    Mounts: mountsInList(mountPoints),
  };
}
