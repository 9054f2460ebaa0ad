/** Which log drivers there are, and what their options may say: dockerd's table and words. */
import { EngineError, ErrorCode, messageOf } from "#errors";
import { notABoolean, parseGoBoolean } from "#gotext";
import { parseFluentOptions } from "./forward/fluentOptions.ts";
import { parseGelfOptions } from "./forward/gelfOptions.ts";
import { parseSize } from "./forward/sizes.ts";
import { parseSyslogOptions } from "./forward/syslogOptions.ts";
import { driverFailed } from "./logError.ts";

/** `HostConfig.LogConfig`. */
export interface LogConfig {
  readonly Type: string;
  readonly Config: Readonly<Record<string, string>>;
}

/** How much of a log is kept. */
export interface LogLimits {
  /** Bytes of one file; Infinity: never turned. */
  readonly maxBytes: number;
  /** Files that are kept, the one that is written included; at least 1. */
  readonly maxFiles: number;
  /** Full files are compressed. */
  readonly compress: boolean;
}

const ATTRIBUTES = ["labels", "labels-regex", "env", "env-regex", "tag"] as const;
const FILES = ["max-file", "max-size", "compress"] as const;
const SYSLOG = [
  "syslog-address",
  "syslog-facility",
  "syslog-format",
  "syslog-tls-ca-cert",
  "syslog-tls-cert",
  "syslog-tls-key",
  "syslog-tls-skip-verify",
] as const;
const GELF = [
  "gelf-address",
  "gelf-compression-type",
  "gelf-compression-level",
  "gelf-tcp-max-reconnect",
  "gelf-tcp-reconnect-delay",
] as const;
const FLUENTD = [
  "fluentd-address",
  "fluentd-async",
  "fluentd-async-connect",
  "fluentd-async-reconnect-interval",
  "fluentd-buffer-limit",
  "fluentd-max-retries",
  "fluentd-request-ack",
  "fluentd-retry-wait",
  "fluentd-sub-second-precision",
] as const;
/** Of every driver: how the daemon hands lines over. conmon writes files itself, without waiting; what is forwarded obeys. */
const GENERAL: readonly string[] = ["mode", "max-buffer-size"];
/** Of drivers that keep no log of their own; theirs is the cache that `docker logs` reads. */
const CACHE: readonly string[] = ["cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"];

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  "json-file": [...FILES, ...ATTRIBUTES],
  local: FILES,
  none: [],
  journald: ATTRIBUTES,
  syslog: [...SYSLOG, ...ATTRIBUTES],
  gelf: [...GELF, ...ATTRIBUTES],
  fluentd: [...FLUENTD, ...ATTRIBUTES],
};
const MODES: readonly string[] = ["", "blocking", "non-blocking"];
const BUFFER_BYTES = 1_000_000;
const LOCAL_DEFAULTS = { maxBytes: 20_000_000, maxFiles: 5, compress: true } as const;

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

/** What a create request may not say. @throws {invalid_argument} */
export function checkLogConfig({ Type, Config }: LogConfig): void {
  const own = OPTIONS[Type];
  if (Type === "logentries") throw invalid("the logentries logging driver has been deprecated and removed");
  if (own === undefined) {
    throw invalid(`error looking up logging plugin ${Type}: plugin ${JSON.stringify(Type)} not found`);
  }
  checkMode(Config);
  const disabled = Config["cache-disabled"] ?? "";
  if (disabled !== "" && parseGoBoolean(disabled) === undefined)
    throw invalid(`invalid value for option cache-disabled: ${disabled}`);
  const cache = Type === "json-file" || Type === "local" ? [] : CACHE;
  const unknown = Object.keys(Config).find((name) => ![...own, ...GENERAL, ...cache].includes(name));
  // dockerd looks at GELF's address before anything else.
  if (Type === "gelf") parseGelfOptions({ "gelf-address": Config["gelf-address"] ?? "" });
  if (unknown !== undefined) throw invalid(unknownOption(Type, unknown));
  if (Type === "syslog") parseSyslogOptions(Config);
  if (Type === "gelf") parseGelfOptions(Config);
  if (Type === "fluentd") parseFluentOptions(Config);
}

function unknownOption(driver: string, name: string): string {
  if (driver === "local" || driver === "none") return `unknown log opt '${name}' for log driver ${driver}`;
  const quoted = driver === "gelf" ? JSON.stringify(name) : `'${name}'`;
  return `unknown log opt ${quoted} for ${driver} log driver`;
}

function checkMode(options: LogConfig["Config"]): void {
  const mode = options["mode"] ?? "";
  if (!MODES.includes(mode)) throw invalid(`logger: logging mode not supported: ${mode}`);
  const buffer = options["max-buffer-size"];
  if (buffer === undefined) return;
  if (mode !== "non-blocking")
    throw invalid("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  if (parseSize(buffer, 1024) === undefined)
    throw invalid(`error parsing option max-buffer-size: invalid size: '${buffer}'`);
}

/** What it sends cannot be read back: a cache stands in. */
export const isCached = (driver: string): boolean => ["syslog", "gelf", "fluentd"].includes(driver);

/** The driver sends lines to somebody else. */
export function forwards({ Type }: LogConfig): boolean {
  return Type === "journald" || isCached(Type);
}

/** There is a log to read: the driver's own, or the cache beside one that forwards. journald's can always be read. */
export function keepsLog({ Type, Config }: LogConfig): boolean {
  if (isCached(Type)) return parseGoBoolean(Config["cache-disabled"] ?? "") !== true;
  return Type !== "none";
}

/** What may wait for a receiver; undefined: the container waits for it. */
export function bufferBytes({ Config }: LogConfig): number | undefined {
  if (Config["mode"] !== "non-blocking") return undefined;
  return parseSize(Config["max-buffer-size"] ?? "", 1024) ?? BUFFER_BYTES;
}

/** What a start needs. undefined: no log is kept. @throws {internal} as dockerd's driver at its start */
export function logLimits(config: LogConfig): LogLimits | undefined {
  if (!keepsLog(config)) return undefined;
  if (forwards(config)) return cacheLimits(config.Config);
  return config.Type === "local" ? localLimits(config.Config) : jsonLimits(config.Config);
}

/** As the driver `local`. dockerd takes any value here and goes on with its default. */
function cacheLimits(options: LogConfig["Config"]): LogLimits {
  const maxBytes = parseSize(options["cache-max-size"] ?? "", 1000) || LOCAL_DEFAULTS.maxBytes;
  const maxFiles = Number(options["cache-max-file"]) || LOCAL_DEFAULTS.maxFiles;
  const compress = parseGoBoolean(options["cache-compress"] ?? "") !== false;
  return { maxBytes, maxFiles: Math.max(1, Math.trunc(maxFiles)), compress };
}

/** @throws {internal} what dockerd finds at the start of drivers that name attributes */
export function checkPatterns({ Config: options }: LogConfig): void {
  for (const name of ["labels-regex", "env-regex"]) {
    const text = options[name] ?? "";
    try {
      RegExp(text);
    } catch (error) {
      const why = messageOf(error).includes("Unterminated group") ? "missing closing )" : "invalid syntax";
      throw driverFailed(`error parsing regexp: ${why}: \`${text}\``);
    }
  }
}

function jsonLimits(options: LogConfig["Config"]): LogLimits {
  const size = options["max-size"];
  const maxBytes = size === undefined ? Infinity : parseSize(size, 1000);
  if (maxBytes === undefined) throw driverFailed(`invalid size: '${size}'`);
  if (maxBytes <= 0) throw driverFailed("max-size must be a positive number");
  const maxFiles = parseCount(options["max-file"] ?? "1");
  if (maxFiles < 1) throw driverFailed("max-file cannot be less than 1");
  const compress = parseFlag(options["compress"] ?? "false");
  if (compress && (maxFiles < 2 || maxBytes === Infinity))
    throw driverFailed("compress cannot be true when max-file is less than 2 or max-size is not set");
  return { maxBytes, maxFiles, compress };
}

function localLimits(options: LogConfig["Config"]): LogLimits {
  const size = options["max-size"];
  const maxBytes = size === undefined ? LOCAL_DEFAULTS.maxBytes : parseSize(size, 1000);
  if (maxBytes === undefined) throw driverFailed(`invalid value for max-size: ${size}: invalid size: '${size}'`);
  const maxFiles = options["max-file"] === undefined ? LOCAL_DEFAULTS.maxFiles : parseCount(options["max-file"]);
  const compress = parseFlag(options["compress"] ?? "true");
  if (compress && maxFiles <= 1) throw driverFailed("compression cannot be enabled when max file count is 1");
  return { maxBytes: maxBytes === 0 ? Infinity : maxBytes, maxFiles: Math.max(1, maxFiles), compress };
}

function parseCount(text: string): number {
  if (!/^[-+]?\d+$/.test(text)) throw driverFailed(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function parseFlag(text: string): boolean {
  const parsed = parseGoBoolean(text);
  if (parsed === undefined) throw driverFailed(notABoolean(text));
  return parsed;
}
