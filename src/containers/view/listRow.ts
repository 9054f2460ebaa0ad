import type { PortRow } from "#engineapi";
import type { SandboxSettings } from "#networks";
import type { Container } from "../container.ts";
import { mountsInList } from "../mounts/mountView.ts";
import { commandOf } from "../request/containerConfig.ts";
import { statusText } from "./statusText.ts";

/** Bytes of the writable top, and with its image below. */
export interface ContainerSizes {
  readonly rw: number;
  readonly rootFs: number;
}

function quoted(argument: string): string {
  return argument.includes(" ") ? `'${argument}'` : argument;
}

/** What a row shows beside the container's own document. */
export interface RowFacts {
  /** The name it was created by, or the ID when that now means another image. */
  readonly image: string;
  /** What links call it. */
  readonly linkNames: readonly string[];
  readonly sizes: ContainerSizes | undefined;
  readonly ports: readonly PortRow[];
  readonly networks: SandboxSettings["Networks"];
}

/** The names and links of an endpoint are for inspect alone. */
function endpointsInList(networks: SandboxSettings["Networks"]): SandboxSettings["Networks"] {
  const none = { Links: null, Aliases: null, DNSNames: null };
  return Object.fromEntries(Object.entries(networks).map(([name, endpoint]) => [name, { ...endpoint, ...none }]));
}

/** A row of `GET /containers/json`. */
export function listRow(container: Container, facts: RowFacts): Readonly<Record<string, unknown>> {
  const { image, sizes, ports, networks } = facts;
  const { id, name, imageId, created, config, hostConfig, mountPoints, state } = container.document;
  const [path, ...args] = commandOf(config);
  return {
    Id: id,
    Names: [`/${name}`, ...facts.linkNames].sort(),
    Image: image,
    ImageID: imageId,
    Command: [path, ...args.map(quoted)].join(" "),
    Created: Math.trunc(Date.parse(created) / 1000),
    Ports: ports,
    // Go leaves a 0 out.
    ...(sizes === undefined || sizes.rw === 0 ? {} : { SizeRw: sizes.rw }),
    ...(sizes === undefined || sizes.rootFs === 0 ? {} : { SizeRootFs: sizes.rootFs }),
    Labels: config.Labels,
    State: state.status,
    Status: statusText(state, Date.now()),
    HostConfig: { NetworkMode: hostConfig.NetworkMode },
    NetworkSettings: { Networks: endpointsInList(networks) },
    Mounts: mountsInList(mountPoints),
  };
}
