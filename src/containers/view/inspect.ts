import type { GraphDriverData } from "#snapshots";
import type { Container } from "../container.ts";
import { mountsOnWire } from "../mounts/mountView.ts";
import { NEVER } from "../document.ts";
import type { ContainerState } from "../document.ts";
import { commandOf } from "../request/containerConfig.ts";
import { hostConfigOnWire } from "../request/hostConfig.ts";
import { etcFilesAt } from "../rootfs/etcFiles.ts";
import { networkSettings } from "./networkSettings.ts";

function stateOnWire(state: ContainerState): Readonly<Record<string, unknown>> {
  const { status } = state;
  return {
    Status: status,
    Running: status === "running" || status === "paused" || status === "restarting",
    Paused: status === "paused",
    Restarting: status === "restarting",
    OOMKilled: state.oomKilled,
    Dead: status === "dead",
    Pid: state.init?.pid ?? 0,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(state.health === undefined ? {} : { Health: state.health }),
  };
}

/** Files that exist from the first start on. */
function files(container: Container): Readonly<Record<string, string>> {
  if (container.state.startedAt === NEVER) return { ResolvConfPath: "", HostnamePath: "", HostsPath: "", LogPath: "" };
  const etc = etcFilesAt(container.paths.directory);
  const hasLog = container.document.hostConfig.LogConfig.Type !== "none";
  return {
    ResolvConfPath: etc.resolvConf,
    HostnamePath: etc.hostname,
    HostsPath: etc.hosts,
    LogPath: hasLog ? container.paths.log : "",
  };
}

/** `GET /containers/{id}/json`: every field that clients read (ContainerInspectResponse of docker-engine-api v1.45). */
export function inspectContainer(
  container: Container,
  graphDriver: { readonly Name: string; readonly Data: GraphDriverData },
  runtimeName: string,
): Readonly<Record<string, unknown>> {
  const { id, name, imageId, created, config, hostConfig, state } = container.document;
  const [path, ...args] = commandOf(config);
  const wire = hostConfigOnWire(hostConfig);
  return {
    Id: id,
    Created: created,
    Path: path,
    Args: args,
    State: stateOnWire(state),
    Image: imageId,
    ...files(container),
    Name: `/${name}`,
    RestartCount: container.document.restartCount ?? 0,
    Driver: graphDriver.Name,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: null,
    HostConfig: { ...wire, Runtime: hostConfig.Runtime === "" ? runtimeName : hostConfig.Runtime },
    GraphDriver: graphDriver,
    Mounts: mountsOnWire(container.document.mountPoints),
    Config: config,
    NetworkSettings: networkSettings(hostConfig),
  };
}
