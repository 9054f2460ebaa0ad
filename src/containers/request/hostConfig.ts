import type { PortMap } from "#engineapi";
import { cgroupMode } from "#host";
import { EngineError, ErrorCode } from "#errors";
import { MASKED_PATHS, READONLY_PATHS } from "../spec/protectedPaths.ts";
import { RUNTIME_NAMES } from "../runtime/chooseRuntime.ts";
import { parseBlockIo, parseDevices } from "./deviceRequest.ts";
import type { BlockIoLimits, DeviceMapping } from "./deviceRequest.ts";
import { Fields } from "./fields.ts";
import { checkDestination, refuseForeignOptions } from "../mounts/checkMount.ts";
import { parseMounts } from "./mountRequest.ts";
import type { MountRequest } from "./mountRequest.ts";
import { parsePortBindings } from "./networkRequest.ts";
import { parseProcessors, readProcessors } from "./processors.ts";
import { parseRestartPolicy } from "./restartPolicy.ts";
import type { RestartPolicy } from "./restartPolicy.ts";

export interface Ulimit {
  readonly Name: string;
  readonly Hard: number;
  readonly Soft: number;
}

/** What of HostConfig has an effect here, in the API's spelling, defaults filled in. */
export interface HostConfig extends BlockIoLimits {
  readonly Binds: readonly string[] | null;
  readonly Mounts: readonly MountRequest[];
  readonly VolumesFrom: readonly string[] | null;
  readonly VolumeDriver: string;
  readonly NetworkMode: string;
  readonly PortBindings: PortMap;
  readonly PublishAllPorts: boolean;
  /** `container:alias` */
  readonly Links: readonly string[] | null;
  readonly RestartPolicy: RestartPolicy;
  readonly AutoRemove: boolean;
  readonly Privileged: boolean;
  readonly ReadonlyRootfs: boolean;
  readonly Init: boolean;
  readonly CapAdd: readonly string[] | null;
  readonly CapDrop: readonly string[] | null;
  readonly GroupAdd: readonly string[] | null;
  readonly SecurityOpt: readonly string[] | null;
  readonly ExtraHosts: readonly string[] | null;
  readonly Dns: readonly string[];
  readonly DnsOptions: readonly string[];
  readonly DnsSearch: readonly string[];
  readonly Tmpfs: Readonly<Record<string, string>>;
  readonly Sysctls: Readonly<Record<string, string>>;
  readonly Annotations: Readonly<Record<string, string>>;
  readonly Ulimits: readonly Ulimit[];
  readonly LogConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
  readonly PidMode: string;
  readonly IpcMode: string;
  readonly UTSMode: string;
  readonly CgroupnsMode: string;
  readonly Runtime: string;
  readonly ContainerIDFile: string;
  /** rows, columns */
  readonly ConsoleSize: readonly [number, number];
  readonly OomScoreAdj: number;
  readonly ShmSize: number;
  readonly Memory: number;
  readonly MemoryReservation: number;
  readonly MemorySwap: number;
  readonly NanoCpus: number;
  readonly CpuShares: number;
  readonly CpuQuota: number;
  readonly CpuPeriod: number;
  readonly CpusetCpus: string;
  readonly CpusetMems: string;
  readonly CpuRealtimePeriod: number;
  readonly CpuRealtimeRuntime: number;
  readonly PidsLimit: number | null;
  readonly MemorySwappiness: number | null;
  readonly OomKillDisable: boolean;
  readonly CgroupParent: string;
  readonly UsernsMode: string;
  readonly Devices: readonly DeviceMapping[];
  readonly DeviceCgroupRules: readonly string[] | null;
  readonly StorageOpt: Readonly<Record<string, string>>;
  readonly MaskedPaths: readonly string[] | null;
  readonly ReadonlyPaths: readonly string[] | null;
}

type StorageKeys = "Binds" | "Mounts" | "VolumesFrom" | "VolumeDriver" | "Tmpfs" | "ShmSize" | "StorageOpt";
type NetworkKeys =
  | "NetworkMode"
  | "PortBindings"
  | "PublishAllPorts"
  | "Links"
  | "ExtraHosts"
  | "Dns"
  | "DnsOptions"
  | "DnsSearch";
type NamespaceKeys = "PidMode" | "IpcMode" | "UTSMode" | "UsernsMode" | "CgroupnsMode";
type SecurityKeys =
  | "Privileged"
  | "ReadonlyRootfs"
  | "CapAdd"
  | "CapDrop"
  | "GroupAdd"
  | "SecurityOpt"
  | "Devices"
  | "DeviceCgroupRules"
  | "MaskedPaths"
  | "ReadonlyPaths";
type LimitKeys =
  | "Memory"
  | "MemoryReservation"
  | "MemorySwap"
  | "NanoCpus"
  | "CpusetCpus"
  | "CpuShares"
  | "CpuQuota"
  | "CpuPeriod"
  | "CpusetMems"
  | "CpuRealtimePeriod"
  | "CpuRealtimeRuntime"
  | "PidsLimit"
  | "MemorySwappiness"
  | "OomKillDisable"
  | "OomScoreAdj"
  | "CgroupParent"
  | "Ulimits";

const DEFAULT_SHM_BYTES = 64 << 20;

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
const missing = (message: string): EngineError =>
  new EngineError("not_implemented", ErrorCode.NOT_IMPLEMENTED, message);

/** A network is looked up by a start: it may be made meanwhile, as with Docker. */
function parseNetworkMode(fields: Fields): string {
  const mode = fields.text("NetworkMode");
  if (mode === "" || mode === "default") return "bridge";
  if (mode === "container:") throw invalid("Invalid network mode: invalid container format container:<name|id>");
  return mode;
}

/** A namespace mode of which we know some values; the empty one is the default. */
function parseMode(fields: Fields, name: string, known: readonly string[]): string {
  const mode = fields.text(name);
  if (mode === "" || known.includes(mode)) return mode;
  if (mode.startsWith("container:")) throw missing(`varve does not support ${name} ${mode} yet`);
  throw invalid(`invalid ${name}: ${mode}`);
}

function parseLogConfig(fields: Fields): HostConfig["LogConfig"] {
  const log = fields.object("LogConfig");
  const type = log.text("Type") || "json-file";
  if (type !== "json-file" && type !== "none")
    throw missing(`varve does not support --log-driver ${type} yet (LogConfig)`);
  const [option] = Object.keys(log.textMap("Config"));
  if (option !== undefined) throw missing(`varve does not support --log-opt ${option} yet (LogConfig)`);
  return { Type: type, Config: {} };
}

function parseSecurityOptions(fields: Fields): readonly string[] | null {
  const options = fields.texts("SecurityOpt");
  for (const option of options ?? []) {
    const known = [
      "no-new-privileges",
      "seccomp=unconfined",
      "seccomp=builtin",
      "apparmor=unconfined",
      "label=disable",
    ];
    const plain = option.replace(":", "=").replace(/^(no-new-privileges)=true$/, "$1");
    if (!known.includes(plain) && plain !== "no-new-privileges=false") {
      throw missing(`varve does not support --security-opt ${option.split(/[=:]/)[0] ?? ""}=… yet (SecurityOpt)`);
    }
  }
  return options ?? null;
}

function parseTmpfs(fields: Fields): Readonly<Record<string, string>> {
  const mounts = fields.textMap("Tmpfs");
  for (const path of Object.keys(mounts)) {
    checkDestination(path);
  }
  return mounts;
}

function parseUlimits(fields: Fields): readonly Ulimit[] {
  return fields
    .objects("Ulimits")
    .map((limit) => ({ Name: limit.text("Name"), Hard: limit.integer("Hard"), Soft: limit.integer("Soft") }));
}

function parseRuntime(fields: Fields): string {
  const name = fields.text("Runtime");
  if (name === "" || RUNTIME_NAMES.includes(name)) return name;
  throw invalid(`unknown or invalid runtime name: ${name}`);
}

const MIN_MEMORY_BYTES = 6 << 20;
const MAX_SWAPPINESS = 100;

function parseMemory(fields: Fields): Pick<HostConfig, "Memory" | "MemoryReservation" | "MemorySwap"> {
  const Memory = fields.integer("Memory");
  const MemorySwap = fields.integer("MemorySwap");
  const MemoryReservation = fields.integer("MemoryReservation");
  if (Memory !== 0 && Memory < MIN_MEMORY_BYTES) throw invalid("Minimum memory limit allowed is 6MB");
  if (MemorySwap > 0 && Memory === 0) {
    throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (MemorySwap > 0 && MemorySwap < Memory) {
    throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  return { Memory, MemoryReservation, MemorySwap: Memory > 0 && MemorySwap === 0 ? 2 * Memory : MemorySwap };
}

/** -1 is how clients say that they do not care. @throws {invalid_argument} */
function parseSwappiness(fields: Fields): number | null {
  const value = fields.get("MemorySwappiness") === undefined ? -1 : fields.integer("MemorySwappiness");
  if (value < -1 || value > MAX_SWAPPINESS) {
    throw invalid(`Invalid value: ${value}, valid memory swappiness range is 0-100`);
  }
  return value === -1 ? null : value;
}

function parseConsoleSize(fields: Fields): readonly [number, number] {
  const value = fields.get("ConsoleSize");
  const [rows, columns] = Array.isArray(value) ? value.map(Number) : [];
  return [rows ?? 0, columns ?? 0];
}

function parseOwnMounts(fields: Fields): HostConfig["Mounts"] {
  const mounts = parseMounts(fields);
  for (const mount of mounts) refuseForeignOptions(mount);
  return mounts;
}

function parseStorage(fields: Fields): Pick<HostConfig, StorageKeys> {
  return {
    Binds: fields.texts("Binds") ?? null,
    Mounts: parseOwnMounts(fields),
    VolumesFrom: fields.texts("VolumesFrom") ?? null,
    VolumeDriver: fields.text("VolumeDriver"),
    Tmpfs: parseTmpfs(fields),
    ShmSize: fields.integer("ShmSize") || DEFAULT_SHM_BYTES,
    StorageOpt: fields.textMap("StorageOpt"),
  };
}

function parseNetworking(fields: Fields): Pick<HostConfig, NetworkKeys> {
  return {
    NetworkMode: parseNetworkMode(fields),
    PortBindings: parsePortBindings(fields),
    PublishAllPorts: fields.flag("PublishAllPorts"),
    Links: fields.texts("Links") ?? null,
    ExtraHosts: fields.texts("ExtraHosts") ?? null,
    Dns: fields.texts("Dns") ?? [],
    DnsOptions: fields.texts("DnsOptions") ?? [],
    DnsSearch: fields.texts("DnsSearch") ?? [],
  };
}

function parseNamespaces(fields: Fields): Pick<HostConfig, NamespaceKeys> {
  return {
    PidMode: parseMode(fields, "PidMode", ["host"]),
    IpcMode: parseMode(fields, "IpcMode", ["host", "private", "shareable", "none"]) || "private",
    UTSMode: parseMode(fields, "UTSMode", ["host"]),
    UsernsMode: fields.text("UsernsMode"),
    CgroupnsMode:
      parseMode(fields, "CgroupnsMode", ["host", "private"]) || (cgroupMode() === "unified" ? "private" : "host"),
  };
}

function parseSecurity(fields: Fields): Pick<HostConfig, SecurityKeys> {
  const privileged = fields.flag("Privileged");
  return {
    Privileged: privileged,
    ReadonlyRootfs: fields.flag("ReadonlyRootfs"),
    CapAdd: fields.texts("CapAdd") ?? null,
    CapDrop: fields.texts("CapDrop") ?? null,
    GroupAdd: fields.texts("GroupAdd") ?? null,
    SecurityOpt: parseSecurityOptions(fields),
    Devices: parseDevices(fields),
    DeviceCgroupRules: fields.texts("DeviceCgroupRules") ?? null,
    MaskedPaths: fields.texts("MaskedPaths") ?? (privileged ? null : MASKED_PATHS),
    ReadonlyPaths: fields.texts("ReadonlyPaths") ?? (privileged ? null : READONLY_PATHS),
  };
}

function parseLimits(fields: Fields): Pick<HostConfig, LimitKeys> & BlockIoLimits {
  return {
    ...parseMemory(fields),
    ...parseProcessors(fields, readProcessors()),
    CpuShares: fields.integer("CpuShares"),
    CpuQuota: fields.integer("CpuQuota"),
    CpuPeriod: fields.integer("CpuPeriod"),
    CpusetMems: fields.text("CpusetMems"),
    CpuRealtimePeriod: fields.integer("CpuRealtimePeriod"),
    CpuRealtimeRuntime: fields.integer("CpuRealtimeRuntime"),
    PidsLimit: fields.integer("PidsLimit") || null,
    MemorySwappiness: parseSwappiness(fields),
    OomKillDisable: fields.flag("OomKillDisable"),
    OomScoreAdj: fields.integer("OomScoreAdj"),
    CgroupParent: fields.text("CgroupParent"),
    Ulimits: parseUlimits(fields),
    ...parseBlockIo(fields),
  };
}

/** @throws {invalid_argument} in Docker's words, {not_implemented} naming what would have to be ignored. */
export function parseHostConfig(value: unknown): HostConfig {
  const fields = new Fields(value, "HostConfig");
  const autoRemove = fields.flag("AutoRemove");
  return {
    ...parseStorage(fields),
    ...parseNetworking(fields),
    RestartPolicy: parseRestartPolicy(fields, autoRemove),
    AutoRemove: autoRemove,
    Init: fields.flag("Init"),
    Sysctls: fields.textMap("Sysctls"),
    Annotations: fields.textMap("Annotations"),
    LogConfig: parseLogConfig(fields),
    Runtime: parseRuntime(fields),
    ContainerIDFile: fields.text("ContainerIDFile"),
    ConsoleSize: parseConsoleSize(fields),
    ...parseNamespaces(fields),
    ...parseSecurity(fields),
    ...parseLimits(fields),
  };
}

/** Fields that `inspect` shows and that always have these values here; see `unsupported.ts`. */
const UNUSED: Readonly<Record<string, unknown>> = {
  Cgroup: "",
  Isolation: "",
  DeviceRequests: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
};

/** As `inspect` shows it: maps that were not given are left out, as Docker leaves them out. */
export function hostConfigOnWire(hostConfig: HostConfig): Readonly<Record<string, unknown>> {
  const { Tmpfs, Sysctls, Annotations, StorageOpt, Init, Mounts, ...rest } = hostConfig;
  const given = Object.entries({ Tmpfs, Sysctls, Annotations, StorageOpt }).filter(
    ([, map]) => Object.keys(map).length > 0,
  );
  return {
    ...UNUSED,
    ...rest,
    ...Object.fromEntries(given),
    ...(Init ? { Init } : {}),
    ...(Mounts.length > 0 ? { Mounts } : {}),
  };
}
