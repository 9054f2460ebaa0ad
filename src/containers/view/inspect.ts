import type { GraphDriverData } from "#snapshots";
import type { SandboxSettings } from "#networks";
import type { Container } from "../container.ts";
import { mountsOnWire } from "../mounts/mountView.ts";
import { NEVER } from "../document.ts";
import type { ContainerState } from "../document.ts";
import { commandOf } from "../request/containerConfig.ts";
import { hostConfigOnWire } from "../request/hostConfig.ts";
import { appArmorProfile } from "../apparmor/chooseProfile.ts";
import { etcFilesAt } from "../rootfs/etcFiles.ts";
import type { ContainerSizes } from "./listRow.ts";
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
function files(container: Container, etcDirectory: string): Readonly<Record<string, string>> {
  if (container.state.startedAt === NEVER) return { ResolvConfPath: "", HostnamePath: "", HostsPath: "", LogPath: "" };
  const etc = etcFilesAt(etcDirectory);
  const { LogConfig } = container.document.hostConfig;
  // Only the driver that others read along with names its file, as in Docker.
  const hasLog = LogConfig.Type === "json-file";
  return {
    ResolvConfPath: etc.resolvConf,
    HostnamePath: etc.hostname,
    HostsPath: etc.hosts,
    LogPath: hasLog ? container.paths.log : "",
  };
}

/** What inspect shows beside the container's own document. */
export interface InspectFacts {
  readonly graphDriver: { readonly Name: string; readonly Data: GraphDriverData };
  readonly runtimeName: string;
  readonly network: SandboxSettings;
  readonly links: readonly string[] | null;
  /** Where its files of /etc are: another container's directory if it shares that one's network. */
  readonly etcDirectory: string;
  /** Of a host with AppArmor. */
  readonly defaultAppArmor: string | undefined;
  /** Only when asked for. */
  readonly sizes?: ContainerSizes;
}

/** `GET /containers/{id}/json`: every field that clients read (ContainerInspectResponse of docker-engine-api v1.45). */
export function inspectContainer(container: Container, facts: InspectFacts): Readonly<Record<string, unknown>> {
  const { graphDriver, runtimeName, network, etcDirectory } = facts;
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
    ...files(container, etcDirectory),
    Name: `/${name}`,
    RestartCount: container.document.restartCount ?? 0,
    Driver: graphDriver.Name,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: appArmorProfile(hostConfig, facts.defaultAppArmor),
    ...(facts.sizes === undefined ? {} : { SizeRw: facts.sizes.rw, SizeRootFs: facts.sizes.rootFs }),
    ExecIDs: container.execIds.size === 0 ? null : [...container.execIds],
    HostConfig: { ...wire, Links: facts.links, Runtime: hostConfig.Runtime === "" ? runtimeName : hostConfig.Runtime },
    GraphDriver: graphDriver,
    Mounts: mountsOnWire(container.document.mountPoints),
    Config: config,
    NetworkSettings: networkSettings(network),
  };
}
