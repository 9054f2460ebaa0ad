import { isAbsolute } from "node:path";
import { cgroupMode } from "#host";
import { EngineError, ErrorCode } from "#errors";
import { MASKED_PATHS, READONLY_PATHS } from "../spec/protectedPaths.ts";
import { RUNTIME_NAMES } from "../runtime/chooseRuntime.ts";
import { Fields } from "./fields.ts";
import { parseProcessors, readProcessors } from "./processors.ts";

export interface Ulimit {
  readonly Name: string;
  readonly Hard: number;
  readonly Soft: number;
}

/** What of HostConfig has an effect here, in the API's spelling, defaults filled in. */
export interface HostConfig {
  readonly NetworkMode: string;
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
  readonly PidsLimit: number | null;
  readonly MaskedPaths: readonly string[] | null;
  readonly ReadonlyPaths: readonly string[] | null;
}

const DEFAULT_SHM_BYTES = 64 << 20;

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
const missing = (message: string): EngineError =>
  new EngineError("not_implemented", ErrorCode.NOT_IMPLEMENTED, message);

function parseNetworkMode(fields: Fields): string {
  const mode = fields.text("NetworkMode", "default");
  if (["", "default", "bridge"].includes(mode)) return mode === "bridge" ? "bridge" : "default";
  if (mode === "none" || mode === "host") return mode;
  if (mode.startsWith("container:")) throw missing("varve does not support --network container:… yet (NetworkMode)");
  // Not {not_found}: clients take that for a missing image, and pull it.
  throw invalid(`network ${mode} not found`);
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
    if (!isAbsolute(path)) throw invalid(`invalid mount path: '${path}' mount path must be absolute`);
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

function parseConsoleSize(fields: Fields): readonly [number, number] {
  const value = fields.get("ConsoleSize");
  const [rows, columns] = Array.isArray(value) ? value.map(Number) : [];
  return [rows ?? 0, columns ?? 0];
}

/** @throws {invalid_argument} in Docker's words, {not_implemented} naming what would have to be ignored. */
export function parseHostConfig(value: unknown): HostConfig {
  const fields = new Fields(value, "HostConfig");
  const privileged = fields.flag("Privileged");
  return {
    NetworkMode: parseNetworkMode(fields),
    AutoRemove: fields.flag("AutoRemove"),
    Privileged: privileged,
    ReadonlyRootfs: fields.flag("ReadonlyRootfs"),
    Init: fields.flag("Init"),
    CapAdd: fields.texts("CapAdd") ?? null,
    CapDrop: fields.texts("CapDrop") ?? null,
    GroupAdd: fields.texts("GroupAdd") ?? null,
    SecurityOpt: parseSecurityOptions(fields),
    ExtraHosts: fields.texts("ExtraHosts") ?? null,
    Dns: fields.texts("Dns") ?? [],
    DnsOptions: fields.texts("DnsOptions") ?? [],
    DnsSearch: fields.texts("DnsSearch") ?? [],
    Tmpfs: parseTmpfs(fields),
    Sysctls: fields.textMap("Sysctls"),
    Annotations: fields.textMap("Annotations"),
    Ulimits: parseUlimits(fields),
    LogConfig: parseLogConfig(fields),
    PidMode: parseMode(fields, "PidMode", ["host"]),
    IpcMode: parseMode(fields, "IpcMode", ["host", "private", "shareable", "none"]) || "private",
    UTSMode: parseMode(fields, "UTSMode", ["host"]),
    CgroupnsMode:
      parseMode(fields, "CgroupnsMode", ["host", "private"]) || (cgroupMode() === "unified" ? "private" : "host"),
    Runtime: parseRuntime(fields),
    ContainerIDFile: fields.text("ContainerIDFile"),
    ConsoleSize: parseConsoleSize(fields),
    OomScoreAdj: fields.integer("OomScoreAdj"),
    ShmSize: fields.integer("ShmSize") || DEFAULT_SHM_BYTES,
    ...parseMemory(fields),
    ...parseProcessors(fields, readProcessors()),
    CpuShares: fields.integer("CpuShares"),
    CpuQuota: fields.integer("CpuQuota"),
    CpuPeriod: fields.integer("CpuPeriod"),
    CpusetMems: fields.text("CpusetMems"),
    PidsLimit: fields.integer("PidsLimit") || null,
    MaskedPaths: fields.texts("MaskedPaths") ?? (privileged ? null : MASKED_PATHS),
    ReadonlyPaths: fields.texts("ReadonlyPaths") ?? (privileged ? null : READONLY_PATHS),
  };
}

/** Fields that `inspect` shows and that always have these values here; see `unsupported.ts`. */
const UNUSED: Readonly<Record<string, unknown>> = {
  Binds: null,
  PortBindings: {},
  RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
  VolumeDriver: "",
  VolumesFrom: null,
  Cgroup: "",
  Links: null,
  PublishAllPorts: false,
  UsernsMode: "",
  Isolation: "",
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: [],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemorySwappiness: null,
  OomKillDisable: false,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
};

/** As `inspect` shows it: maps that were not given are left out, as Docker leaves them out. */
export function hostConfigOnWire(hostConfig: HostConfig): Readonly<Record<string, unknown>> {
  const { Tmpfs, Sysctls, Annotations, Init, ...rest } = hostConfig;
  const given = Object.entries({ Tmpfs, Sysctls, Annotations }).filter(([, map]) => Object.keys(map).length > 0);
  return { ...UNUSED, ...rest, ...Object.fromEntries(given), ...(Init ? { Init } : {}) };
}
