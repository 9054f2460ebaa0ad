import { binarySize } from "./units.ts";

interface Commit {
  readonly ID: string;
  readonly Expected?: string;
}

/** `GET /info` (spec definition SystemInfo), as far as it is shown. */
export interface SystemInfo {
  readonly ID: string;
  readonly Containers: number;
  readonly ContainersRunning: number;
  readonly ContainersPaused: number;
  readonly ContainersStopped: number;
  readonly Images: number;
  readonly Driver: string;
  readonly DriverStatus: readonly (readonly [string, string])[] | null;
  readonly Plugins?: Readonly<Record<string, readonly string[] | null>>;
  readonly LoggingDriver?: string;
  readonly CgroupDriver?: string;
  readonly CgroupVersion?: string;
  readonly KernelVersion: string;
  readonly OperatingSystem: string;
  readonly OSType: string;
  readonly Architecture: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly Name: string;
  readonly DockerRootDir: string;
  readonly Debug?: boolean;
  readonly NFd?: number;
  readonly NGoroutines?: number;
  readonly SystemTime?: string;
  readonly NEventsListener?: number;
  readonly HttpProxy?: string;
  readonly HttpsProxy?: string;
  readonly NoProxy?: string;
  readonly Labels?: readonly string[] | null;
  readonly ExperimentalBuild?: boolean;
  readonly ServerVersion: string;
  readonly Swarm?: { readonly LocalNodeState?: string };
  readonly Runtimes?: Readonly<Record<string, unknown>>;
  readonly DefaultRuntime?: string;
  readonly InitBinary?: string;
  readonly ContainerdCommit?: Commit;
  readonly RuncCommit?: Commit;
  readonly InitCommit?: Commit;
  readonly SecurityOptions?: readonly string[] | null;
  readonly RegistryConfig?: RegistryConfig;
  readonly LiveRestoreEnabled?: boolean;
  readonly Warnings?: readonly string[] | null;
}

interface RegistryConfig {
  readonly InsecureRegistryCIDRs?: readonly string[] | null;
  readonly IndexConfigs?: Readonly<Record<string, { readonly Name: string; readonly Secure: boolean }>> | null;
  readonly Mirrors?: readonly string[] | null;
}

const line = (key: string, value: unknown): string => ` ${key}: ${String(value)}`;
const unlessEmpty = (key: string, value: string | undefined): string[] =>
  value === undefined || value === "" ? [] : [line(key, value)];

function plugins(info: SystemInfo): string[] {
  const kinds = info.Plugins;
  if (kinds === undefined) return [];
  const of = (kind: string): readonly string[] => kinds[kind] ?? [];
  const authorization = of("Authorization");
  return [
    " Plugins:",
    `  Volume: ${of("Volume").join(" ")}`,
    `  Network: ${of("Network").join(" ")}`,
    ...(authorization.length === 0 ? [] : [`  Authorization: ${authorization.join(" ")}`]),
    `  Log: ${of("Log").join(" ")}`,
  ];
}

function commit(key: string, value: Commit | undefined): string[] {
  if (value === undefined) return [];
  const { ID: id, Expected: expected = "" } = value;
  return [line(key, id) + (expected === "" || expected === id ? "" : ` (expected: ${expected})`)];
}

/** `name=seccomp,profile=builtin` → the name, its options below. */
function securityOptions(options: readonly string[]): string[] {
  if (options.length === 0) return [];
  return [
    " Security Options:",
    ...options.flatMap((option) => {
      const pairs = option.split(",").map((pair) => pair.split("="));
      const name = pairs.find(([key]) => key === "name")?.[1] ?? option;
      const profile = pairs.find(([key]) => key === "profile")?.[1];
      return [`  ${name}`, ...(profile === undefined ? [] : [`   Profile: ${profile}`])];
    }),
  ];
}

function runtimes(info: SystemInfo): string[] {
  if (info.Runtimes === undefined || Object.keys(info.Runtimes).length === 0) return [];
  return [
    line("Runtimes", Object.keys(info.Runtimes).sort().join(" ")),
    line("Default Runtime", info.DefaultRuntime ?? ""),
  ];
}

function programs(info: SystemInfo): string[] {
  if (info.OSType !== "linux") return [];
  return [
    line("Init Binary", info.InitBinary ?? ""),
    ...commit("containerd version", info.ContainerdCommit),
    ...commit("runc version", info.RuncCommit),
    ...commit("init version", info.InitCommit),
    ...securityOptions(info.SecurityOptions ?? []),
  ];
}

function debugging(info: SystemInfo): string[] {
  if (info.Debug !== true) return [];
  return [
    `  File Descriptors: ${info.NFd ?? 0}`,
    `  Goroutines: ${info.NGoroutines ?? 0}`,
    `  System Time: ${info.SystemTime ?? ""}`,
    `  EventsListeners: ${info.NEventsListener ?? 0}`,
  ];
}

function list(title: string, values: readonly string[]): string[] {
  return values.length === 0 ? [] : [` ${title}:`, ...values.map((value) => `  ${value}`)];
}

function registries(config: RegistryConfig | undefined): string[] {
  const indexes = Object.values(config?.IndexConfigs ?? {});
  const insecure = indexes.filter((index) => !index.Secure).map((index) => index.Name);
  return [
    ...list("Insecure Registries", [...insecure, ...(config?.InsecureRegistryCIDRs ?? [])]),
    ...list("Registry Mirrors", config?.Mirrors ?? []),
  ];
}

/** The `Server:` part of `info`, line for line as docker/cli prints it; ends with a line end. */
export function serverInfo(info: SystemInfo): string {
  const lines = [
    line("Containers", info.Containers),
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    line("Images", info.Images),
    ...unlessEmpty("Server Version", info.ServerVersion),
    ...unlessEmpty("Storage Driver", info.Driver),
    ...(info.DriverStatus ?? []).map(([key, value]) => `  ${key}: ${value}`),
    ...unlessEmpty("Logging Driver", info.LoggingDriver),
    ...unlessEmpty("Cgroup Driver", info.CgroupDriver),
    ...unlessEmpty("Cgroup Version", info.CgroupVersion),
    ...plugins(info),
    line("Swarm", info.Swarm?.LocalNodeState ?? "inactive"),
    ...runtimes(info),
    ...programs(info),
    ...unlessEmpty("Kernel Version", info.KernelVersion),
    ...unlessEmpty("Operating System", info.OperatingSystem),
    ...unlessEmpty("OSType", info.OSType),
    ...unlessEmpty("Architecture", info.Architecture),
    line("CPUs", info.NCPU),
    line("Total Memory", binarySize(info.MemTotal)),
    ...unlessEmpty("Name", info.Name),
    ...unlessEmpty("ID", info.ID),
    line("Docker Root Dir", info.DockerRootDir),
    line("Debug Mode", info.Debug === true),
    ...debugging(info),
    ...unlessEmpty("HTTP Proxy", info.HttpProxy),
    ...unlessEmpty("HTTPS Proxy", info.HttpsProxy),
    ...unlessEmpty("No Proxy", info.NoProxy),
    ...list("Labels", info.Labels ?? []),
    line("Experimental", info.ExperimentalBuild === true),
    ...registries(info.RegistryConfig),
    line("Live Restore Enabled", info.LiveRestoreEnabled === true),
  ];
  return `${lines.join("\n")}\n`;
}

/** What the daemon warns of; goes to stderr. */
export function serverWarnings(info: SystemInfo): readonly string[] {
  return info.Warnings ?? [];
}
