import { EngineError, ErrorCode } from "#errors";
import { LOG_LEVELS } from "#engine";
import type { LogLevel } from "#engine";
import type { EngineConfig } from "#engine";
import { parseMirror } from "./mirrors.ts";
import { parseUlimits } from "./ulimits.ts";
import { CONTAINER_SETTINGS, toContainerDefaults } from "./containerOptions.ts";
import { PROXY_SETTINGS, toProxies } from "./proxies.ts";
import { NETWORK_SETTINGS, toNetworkDefaults } from "./networkOptions.ts";

/** What a daemon can be told, by flag or by configuration file. */
export interface DaemonOptions {
  readonly hosts: readonly string[];
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidFile: string;
  readonly storageDriver: string | undefined;
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly mirrorsByHost: Readonly<Record<string, readonly string[]>>;
  readonly logLevel: LogLevel;
  readonly debug: boolean;
  readonly group: string | undefined;
  readonly labels: readonly string[];
  readonly maxConcurrentDownloads: number;
  readonly maxConcurrentUploads: number;
  readonly maxDownloadAttempts: number;
  readonly tls: TlsOptions | undefined;
  readonly ulimits: NonNullable<EngineConfig["ulimits"]>;
  readonly networks: EngineConfig["networks"];
  readonly containers: NonNullable<EngineConfig["containers"]>;
  /** Variables of the environment that say how registries are reached. */
  readonly proxies: Readonly<Record<string, string>>;
  /** What to tell of options that have no effect. */
  readonly notes: readonly string[];
}

/** Files of PEM; `verifyClients` asks every client for a certificate that `caFile` signed. */
export interface TlsOptions {
  readonly verifyClients: boolean;
  readonly caFile: string | undefined;
  readonly certificateFile: string;
  readonly keyFile: string;
}

type Kind = "text" | "flag" | "number" | "list" | "map" | "pools" | "ulimits" | "pairs" | "size";

/** One setting: its flag, its key in the configuration file (daemon.json, Docker's spelling), its help. */
export interface Setting {
  readonly kind: Kind;
  readonly flag?: string;
  readonly short?: string;
  readonly key?: string;
  readonly help: string;
}

export type SettingName =
  | "hosts"
  | "dataRoot"
  | "execRoot"
  | "pidFile"
  | "storageDriver"
  | "insecureRegistries"
  | "registryMirrors"
  | "mirrorsByHost"
  | "logLevel"
  | "debug"
  | "group"
  | "labels"
  | "ulimits"
  | "maxConcurrentDownloads"
  | "maxConcurrentUploads"
  | "maxDownloadAttempts"
  | "tls"
  | "tlsVerify"
  | "tlsCa"
  | "tlsCert"
  | "tlsKey"
  | keyof typeof NETWORK_SETTINGS
  | keyof typeof CONTAINER_SETTINGS
  | keyof typeof PROXY_SETTINGS
  | "notes"
  | "configFile"
  | "help"
  | "version";

/** Every setting once; flags, file and help are made from it. */
export const SETTINGS: Readonly<Record<SettingName, Setting>> = {
  hosts: {
    kind: "list",
    flag: "host",
    short: "H",
    key: "hosts",
    help: "Listen on unix:///path, tcp://host:port (default unix://<exec-root>/varve.sock)",
  },
  dataRoot: {
    kind: "text",
    flag: "data-root",
    key: "data-root",
    help: 'Everything that lasts (default $VARVE_DATA_ROOT or "/var/lib/varve")',
  },
  execRoot: {
    kind: "text",
    flag: "exec-root",
    key: "exec-root",
    help: 'Sockets, pids and mounts (default $VARVE_EXEC_ROOT or "/run/varve")',
  },
  pidFile: {
    kind: "text",
    flag: "pidfile",
    short: "p",
    key: "pidfile",
    help: "Where to write the process id (default <exec-root>/varve.pid)",
  },
  storageDriver: {
    kind: "text",
    flag: "storage-driver",
    short: "s",
    key: "storage-driver",
    help: "erofs, erofs-file, erofs-loop or overlay2 (default: the best this kernel allows)",
  },
  insecureRegistries: {
    kind: "list",
    flag: "insecure-registry",
    key: "insecure-registries",
    help: "Registry host or CIDR that may be spoken to without TLS",
  },
  registryMirrors: {
    kind: "list",
    flag: "registry-mirror",
    key: "registry-mirrors",
    help: "Mirror of Docker Hub, tried first",
  },
  mirrorsByHost: { kind: "map", key: "registry-mirrors-by-host", help: "Mirrors of any registry" },
  logLevel: {
    kind: "text",
    flag: "log-level",
    short: "l",
    key: "log-level",
    help: 'debug, info, warn, error or fatal (default "info")',
  },
  debug: { kind: "flag", flag: "debug", short: "D", key: "debug", help: "Debug mode" },
  group: {
    kind: "text",
    flag: "group",
    short: "G",
    key: "group",
    help: "Group of the socket (default varve, if there is one)",
  },
  labels: { kind: "list", flag: "label", key: "labels", help: "Label of this daemon, key=value" },
  ulimits: {
    kind: "ulimits",
    flag: "default-ulimit",
    key: "default-ulimits",
    help: "Ulimit of containers that ask for none of its name, nofile=1024:2048",
  },
  maxConcurrentDownloads: {
    kind: "number",
    flag: "max-concurrent-downloads",
    key: "max-concurrent-downloads",
    help: "Layers fetched at once per pull (default 3)",
  },
  maxConcurrentUploads: {
    kind: "number",
    flag: "max-concurrent-uploads",
    key: "max-concurrent-uploads",
    help: "Layers sent at once per push (default 5)",
  },
  maxDownloadAttempts: {
    kind: "number",
    flag: "max-download-attempts",
    key: "max-download-attempts",
    help: "Times a transfer is tried (default 5)",
  },
  tls: { kind: "flag", flag: "tls", key: "tls", help: "TLS on tcp hosts" },
  tlsVerify: { kind: "flag", flag: "tlsverify", key: "tlsverify", help: "TLS, and verify clients" },
  tlsCa: {
    kind: "text",
    flag: "tlscacert",
    key: "tlscacert",
    help: 'Certificates that sign clients (default "/etc/varve/ca.pem")',
  },
  tlsCert: {
    kind: "text",
    flag: "tlscert",
    key: "tlscert",
    help: 'This daemon\'s certificate (default "/etc/varve/cert.pem")',
  },
  tlsKey: { kind: "text", flag: "tlskey", key: "tlskey", help: 'This daemon\'s key (default "/etc/varve/key.pem")' },
  ...NETWORK_SETTINGS,
  ...CONTAINER_SETTINGS,
  ...PROXY_SETTINGS,
  notes: { kind: "list", help: "What to tell of options that only dockerd has" },
  configFile: {
    kind: "text",
    flag: "config-file",
    help: 'Configuration file, daemon.json keys of Docker (default "/etc/varve/daemon.json")',
  },
  help: { kind: "flag", flag: "help", short: "h", help: "Show this help" },
  version: { kind: "flag", flag: "version", short: "v", help: "Print version information and quit" },
};

/** What was given for a setting; shape by its kind. */
export type SettingValue = string | boolean | number | readonly string[] | Readonly<Record<string, readonly string[]>>;
export type Given = Partial<Record<SettingName, SettingValue>>;

function bad(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, message);
}

function text(value: SettingValue | undefined, fallback: string): string {
  return typeof value === "string" && value !== "" ? value : fallback;
}

function list(value: SettingValue | undefined): readonly string[] {
  return Array.isArray(value) ? value : [];
}

function positive(value: SettingValue | undefined, fallback: number, name: string): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1)
    throw bad(`invalid ${name}: ${JSON.stringify(value)} (must be a whole number above 0)`);
  return value;
}

function parseLogLevel(value: string): LogLevel {
  const found = LOG_LEVELS.find((level) => level === value);
  if (found === undefined) throw bad(`invalid logging level: ${value}`);
  return found;
}

function parseTls(given: Given): TlsOptions | undefined {
  if (given.tls !== true && given.tlsVerify !== true) return undefined;
  const verifyClients = given.tlsVerify === true;
  return {
    verifyClients,
    caFile: verifyClients ? text(given.tlsCa, "/etc/varve/ca.pem") : undefined,
    certificateFile: text(given.tlsCert, "/etc/varve/cert.pem"),
    keyFile: text(given.tlsKey, "/etc/varve/key.pem"),
  };
}

function parseMirrors(value: SettingValue | undefined): Readonly<Record<string, readonly string[]>> {
  if (typeof value !== "object" || Array.isArray(value)) return {};
  const byHost = Object.entries(value as Readonly<Record<string, readonly string[]>>);
  return Object.fromEntries(byHost.map(([host, mirrors]) => [host, mirrors.map(parseMirror)]));
}

/** What was given, checked and completed with defaults. @throws {invalid_argument} INVALID_FLAG naming the setting. */
export function toDaemonOptions(given: Given): DaemonOptions {
  const execRoot = text(given.execRoot, text(process.env["VARVE_EXEC_ROOT"], "/run/varve"));
  const hosts = list(given.hosts);
  return {
    hosts: hosts.length > 0 ? hosts : [`unix://${execRoot}/varve.sock`],
    dataRoot: text(given.dataRoot, text(process.env["VARVE_DATA_ROOT"], "/var/lib/varve")),
    execRoot,
    pidFile: text(given.pidFile, `${execRoot}/varve.pid`),
    storageDriver:
      typeof given.storageDriver === "string" && given.storageDriver !== "" ? given.storageDriver : undefined,
    insecureRegistries: list(given.insecureRegistries),
    registryMirrors: list(given.registryMirrors).map(parseMirror),
    mirrorsByHost: parseMirrors(given.mirrorsByHost),
    logLevel: given.debug === true ? "debug" : parseLogLevel(text(given.logLevel, "info")),
    debug: given.debug === true,
    group: typeof given.group === "string" ? given.group : undefined,
    labels: list(given.labels),
    maxConcurrentDownloads: positive(given.maxConcurrentDownloads, 3, "max concurrent downloads"),
    maxConcurrentUploads: positive(given.maxConcurrentUploads, 5, "max concurrent uploads"),
    maxDownloadAttempts: positive(given.maxDownloadAttempts, 5, "max download attempts"),
    tls: parseTls(given),
    ulimits: parseUlimits(list(given.ulimits)),
    networks: toNetworkDefaults(given),
    containers: toContainerDefaults(given),
    proxies: toProxies(given),
    notes: list(given.notes),
  };
}
