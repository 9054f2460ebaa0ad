import type { PortMap } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import { MASKED_PATHS, READONLY_PATHS } from "../spec/protectedPaths.ts";
import { RUNTIME_NAMES } from "../runtime/chooseRuntime.ts";
import { parseBlockIo, parseDeviceRequests, parseDevices } from "./deviceRequest.ts";
import type { BlockIoLimits, DeviceMapping, DeviceRequest } from "./deviceRequest.ts";
import { checkLogConfig } from "../output/logDriver.ts";
import { parseExtraHosts } from "./addressChecks.ts";
import { Fields } from "./fields.ts";
import { checkDestination, refuseForeignOptions } from "../mounts/checkMount.ts";
import { parseNamespaceModes } from "./hostModes.ts";
import type { NamespaceModes } from "./hostModes.ts";
import { parseMounts } from "./mountRequest.ts";
import type { MountRequest } from "./mountRequest.ts";
import { parsePortBindings } from "./networkRequest.ts";
import { parseProcessors, readProcessors } from "./processors.ts";
import { parseSecurityOptions, withLabelOption } from "./securityOptions.ts";
import { parseRestartPolicy } from "./restartPolicy.ts";
import type { RestartPolicy } from "./restartPolicy.ts";

export interface Ulimit {
  readonly Name: string;
  readonly Hard: number;
  readonly Soft: number;
}

/** What of HostConfig has an effect here, in the API's spelling, defaults filled in. */
export interface HostConfig extends BlockIoLimits, NamespaceModes {
  /** Lists that the request left out: they are empty here, and null in inspect. */
  readonly unsaid?: readonly string[];
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
  /** null: not said. */
  readonly Init: boolean | null;
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
  /** Has no effect, as in Docker; shown to who sent it. Absent: of a container made before it was kept. */
  readonly Cgroup?: string;
  readonly Isolation: string;
  readonly Devices: readonly DeviceMapping[];
  readonly DeviceCgroupRules: readonly string[] | null;
  readonly DeviceRequests: readonly DeviceRequest[] | null;
  readonly CpuCount: number;
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
type SecurityKeys =
  | "Privileged"
  | "ReadonlyRootfs"
  | "CapAdd"
  | "CapDrop"
  | "GroupAdd"
  | "SecurityOpt"
  | "Devices"
  | "DeviceCgroupRules"
  | "DeviceRequests"
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
  | "Cgroup"
  | "CpuCount"
  | "Ulimits";

const DEFAULT_SHM_BYTES = 64 << 20;

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

/** A network is looked up by a start: it may be made meanwhile, as with Docker. */
function parseNetworkMode(fields: Fields): string {
  const mode = fields.text("NetworkMode");
  if (mode === "" || mode === "default") return "bridge";
  if (mode === "container:") throw invalid("Invalid network mode: invalid container format container:<name|id>");
  return mode;
}

function parseLogConfig(fields: Fields): HostConfig["LogConfig"] {
  const log = fields.object("LogConfig");
  const config = { Type: log.text("Type") || "json-file", Config: log.textMap("Config") };
  checkLogConfig(config);
  return config;
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

const MAX_SWAPPINESS = 100;

function parseMemory(fields: Fields): Pick<HostConfig, "Memory" | "MemoryReservation" | "MemorySwap"> {
  const Memory = fields.integer("Memory");
  const MemorySwap = fields.integer("MemorySwap");
  const MemoryReservation = fields.integer("MemoryReservation");
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

/** Options of the storage driver: a quota would need one of the filesystem below. @throws {internal} in Docker's words */
function refuseStorageOptions(fields: Fields): Readonly<Record<string, string>> {
  const options = fields.textMap("StorageOpt");
  const [option] = Object.keys(options);
  if (option === undefined) return options;
  const why =
    option === "size"
      ? "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
      : `Unknown option ${option}`;
  throw new EngineError("internal", ErrorCode.BAD_REQUEST, why);
}

function parseStorage(fields: Fields): Pick<HostConfig, StorageKeys> {
  return {
    Binds: fields.texts("Binds") ?? null,
    Mounts: parseOwnMounts(fields),
    VolumesFrom: fields.texts("VolumesFrom") ?? null,
    VolumeDriver: fields.text("VolumeDriver"),
    Tmpfs: parseTmpfs(fields),
    ShmSize: fields.integer("ShmSize") || DEFAULT_SHM_BYTES,
    StorageOpt: refuseStorageOptions(fields),
  };
}

function parseNetworking(fields: Fields): Pick<HostConfig, NetworkKeys> {
  return {
    NetworkMode: parseNetworkMode(fields),
    PortBindings: parsePortBindings(fields),
    PublishAllPorts: fields.flag("PublishAllPorts"),
    Links: fields.texts("Links") ?? null,
    ExtraHosts: parseExtraHosts(fields),
    Dns: fields.texts("Dns") ?? [],
    DnsOptions: fields.texts("DnsOptions") ?? [],
    DnsSearch: fields.texts("DnsSearch") ?? [],
  };
}

function securityOptions(fields: Fields, modes: NamespaceModes): readonly string[] | null {
  const options = fields.texts("SecurityOpt") ?? null;
  parseSecurityOptions(options);
  return withLabelOption(options, { ...modes, Privileged: fields.flag("Privileged") });
}

/** What only other systems have. @throws {internal} in Docker's words */
function refuseForeign(fields: Fields): void {
  const isolation = fields.text("Isolation");
  if (!["", "default"].includes(isolation.toLowerCase())) {
    const message = `Invalid isolation: ${JSON.stringify(isolation)} - linux only supports 'default'`;
    throw new EngineError("internal", ErrorCode.BAD_REQUEST, message);
  }
  if (fields.integer("IOMaximumIOps") !== 0) {
    throw new EngineError(
      "internal",
      ErrorCode.BAD_REQUEST,
      "Invalid QoS settings: linux does not support configuration of maximum IOPs",
    );
  }
  if (fields.integer("IOMaximumBandwidth") !== 0) {
    throw new EngineError(
      "internal",
      ErrorCode.BAD_REQUEST,
      "Invalid QoS settings: linux does not support configuration of maximum bandwidth",
    );
  }
}

function checkAnnotations(fields: Fields): Readonly<Record<string, string>> {
  const annotations = fields.textMap("Annotations");
  if ("" in annotations) throw invalid("invalid Annotations: the empty string is not permitted as an annotation key");
  return annotations;
}

function parseSecurity(fields: Fields, modes: NamespaceModes): Pick<HostConfig, SecurityKeys> {
  const privileged = fields.flag("Privileged");
  return {
    Privileged: privileged,
    ReadonlyRootfs: fields.flag("ReadonlyRootfs"),
    CapAdd: fields.texts("CapAdd") ?? null,
    CapDrop: fields.texts("CapDrop") ?? null,
    GroupAdd: fields.texts("GroupAdd") ?? null,
    SecurityOpt: securityOptions(fields, modes),
    Devices: parseDevices(fields),
    DeviceCgroupRules: fields.texts("DeviceCgroupRules") ?? null,
    DeviceRequests: parseDeviceRequests(fields),
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
    CpuRealtimePeriod: fields.integer("CpuRealtimePeriod"),
    CpuRealtimeRuntime: fields.integer("CpuRealtimeRuntime"),
    PidsLimit: fields.integer("PidsLimit") > 0 ? fields.integer("PidsLimit") : null,
    MemorySwappiness: parseSwappiness(fields),
    OomKillDisable: fields.flag("OomKillDisable"),
    OomScoreAdj: fields.integer("OomScoreAdj"),
    CgroupParent: fields.text("CgroupParent"),
    Cgroup: fields.text("Cgroup"),
    CpuCount: fields.integer("CpuCount"),
    Ulimits: parseUlimits(fields),
    ...parseBlockIo(fields),
  };
}

const LISTS =
  `PortBindings Dns DnsOptions DnsSearch Devices Ulimits BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps
  BlkioDeviceReadIOps BlkioDeviceWriteIOps`.split(/\s+/);

/** @throws {invalid_argument} in Docker's words, {not_implemented} naming what would have to be ignored. */
export function parseHostConfig(value: unknown): HostConfig {
  const fields = new Fields(value, "HostConfig");
  const autoRemove = fields.flag("AutoRemove");
  const modes = parseNamespaceModes(fields);
  refuseForeign(fields);
  return {
    unsaid: LISTS.filter((name) => fields.get(name) === undefined),
    ...parseStorage(fields),
    ...parseNetworking(fields),
    RestartPolicy: parseRestartPolicy(fields, autoRemove),
    AutoRemove: autoRemove,
    Isolation: fields.text("Isolation"),
    Init: fields.get("Init") === undefined ? null : fields.flag("Init"),
    Sysctls: fields.textMap("Sysctls"),
    Annotations: checkAnnotations(fields),
    LogConfig: parseLogConfig(fields),
    Runtime: parseRuntime(fields),
    ContainerIDFile: fields.text("ContainerIDFile"),
    ConsoleSize: parseConsoleSize(fields),
    ...modes,
    ...parseSecurity(fields, modes),
    ...parseLimits(fields),
  };
}

/** Fields that `inspect` shows and that always have these values on Linux. */
const UNUSED: Readonly<Record<string, unknown>> = {
  Cgroup: "", // of an older container
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
};

/** As `docker inspect` prints them: people compare its output line by line. */
const ORDER: readonly string[] =
  `Binds ContainerIDFile LogConfig NetworkMode PortBindings RestartPolicy AutoRemove VolumeDriver VolumesFrom ConsoleSize
  Annotations CapAdd CapDrop CgroupnsMode Dns DnsOptions DnsSearch ExtraHosts GroupAdd IpcMode Cgroup Links OomScoreAdj PidMode
  Privileged PublishAllPorts ReadonlyRootfs SecurityOpt StorageOpt Tmpfs UTSMode UsernsMode ShmSize Sysctls Runtime Isolation
  CpuShares Memory NanoCpus CgroupParent BlkioWeight BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps
  BlkioDeviceReadIOps BlkioDeviceWriteIOps CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus CpusetMems Devices
  DeviceCgroupRules DeviceRequests MemoryReservation MemorySwap MemorySwappiness OomKillDisable PidsLimit Ulimits CpuCount
  CpuPercent IOMaximumIOps IOMaximumBandwidth Mounts MaskedPaths ReadonlyPaths Init`.split(/\s+/);

const PLACES: ReadonlyMap<string, number> = new Map(ORDER.map((name, place) => [name, place]));
const placeOf = (name: string): number => PLACES.get(name) ?? ORDER.length;

/** As `inspect` shows it: maps that were not given are left out, as Docker leaves them out. */
export function hostConfigOnWire(hostConfig: HostConfig): Readonly<Record<string, unknown>> {
  const { Tmpfs, Sysctls, Annotations, StorageOpt, Init, Mounts, unsaid = [], ...rest } = hostConfig;
  const given = Object.entries({ Tmpfs, Sysctls, Annotations, StorageOpt }).filter(
    ([, map]) => Object.keys(map).length > 0,
  );
  const shown = {
    ...UNUSED,
    ...rest,
    ...Object.fromEntries(unsaid.map((name) => [name, null])),
    ...Object.fromEntries(given),
    ...(Init === null ? {} : { Init }),
    ...(Mounts.length > 0 ? { Mounts } : {}),
  };
  return Object.fromEntries(Object.entries(shown).sort(([a], [b]) => placeOf(a) - placeOf(b)));
}
