import { EngineError, ErrorCode } from "#errors";
import { parseDiffId } from "./digest.ts";
import type { DiffId } from "./digest.ts";

/** `config.Healthcheck`: durations in nanoseconds, as Docker writes them. */
export interface HealthConfig {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** The execution part of an image config (image-spec 1.1 config.md, plus Docker's fields). Every field may be absent or null. */
export interface ContainerDefaults {
  readonly Hostname?: string;
  readonly Domainname?: string;
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null;
  readonly Env?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, object>> | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly ArgsEscaped?: boolean;
  readonly Healthcheck?: HealthConfig;
  readonly OnBuild?: readonly string[] | null;
  /** What commits keep of the container: shown, without effect. */
  readonly AttachStdin?: boolean;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  readonly Tty?: boolean;
  readonly OpenStdin?: boolean;
  readonly StdinOnce?: boolean;
  readonly Image?: string;
  readonly Shell?: readonly string[];
}

/** One history entry, oldest first. `created` is RFC 3339. */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** Image config (image-spec 1.1, config.md). `rootfs.diff_ids` base first. Unknown fields stay in the object. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly created?: string;
  readonly author?: string;
  readonly docker_version?: string;
  readonly container?: string;
  readonly container_config?: object;
  readonly parent?: string;
  readonly comment?: string;
  readonly config?: ContainerDefaults;
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly DiffId[] };
  readonly history?: readonly HistoryEntry[];
}

/** Largest image config that is read: 8 MiB. */
export const MAX_CONFIG_BYTES: number = 8 << 20;

type Json = Readonly<Record<string, unknown>>;

function bad(why: string, cause?: unknown): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_IMAGE_CONFIG, `invalid image config: ${why}`, { cause });
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isText = (value: unknown): boolean => typeof value === "string";
const isTextList = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isTextMap = (value: unknown): boolean => isObject(value) && Object.values(value).every(isText);

/** What consumers rely on; other fields may be anything, as they are only shown. */
const DEFAULTS_SHAPE: Readonly<Record<string, readonly [test: (value: unknown) => boolean, what: string]>> = {
  User: [isText, "a string"],
  WorkingDir: [isText, "a string"],
  StopSignal: [isText, "a string"],
  Env: [isTextList, "a list of strings"],
  Cmd: [isTextList, "a list of strings"],
  Entrypoint: [isTextList, "a list of strings"],
  OnBuild: [isTextList, "a list of strings"],
  Shell: [isTextList, "a list of strings"],
  Labels: [isTextMap, "a map of strings"],
  ExposedPorts: [isObject, "a map"],
  Volumes: [isObject, "a map"],
  Healthcheck: [isObject, "an object"],
};

function checkDefaults(config: unknown): void {
  if (!isObject(config)) throw bad("config is not an object");
  for (const [key, [test, what]] of Object.entries(DEFAULTS_SHAPE)) {
    const value = config[key];
    if (value !== undefined && value !== null && !test(value)) throw bad(`config.${key} is not ${what}`);
  }
}

function checkHistory(history: unknown): void {
  if (!Array.isArray(history)) throw bad("history is not a list");
  const wrong = history.findIndex((entry) => !isObject(entry));
  if (wrong >= 0) throw bad(`history[${wrong}] is not an object`);
}

function parseDiffIds(rootfs: unknown): readonly DiffId[] {
  if (!isObject(rootfs)) throw bad("rootfs.diff_ids is missing");
  const { type = "layers", diff_ids: ids } = rootfs;
  if (type !== "layers") throw bad(`rootfs.type is ${JSON.stringify(type)}, not "layers"`);
  if (ids === undefined || ids === null) return [];
  if (!Array.isArray(ids)) throw bad("rootfs.diff_ids is not a list");
  return ids.map((id) => parseDiffId(String(id)));
}

function parseJson(raw: Uint8Array): Json {
  if (raw.byteLength > MAX_CONFIG_BYTES) throw bad(`${raw.byteLength} bytes, at most ${MAX_CONFIG_BYTES} are read`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString("utf8"));
  } catch (cause) {
    throw bad("not JSON", cause);
  }
  if (!isObject(value)) throw bad("not a JSON object");
  return value;
}

/**
 * Bytes of an image config → value; unknown fields are kept, and `config` and `history` that are null are left out. The
 * bytes stay with the caller: they are the image ID.
 * @throws {invalid_argument} when it is not a JSON object with `rootfs.diff_ids` of type layers, when a field that a
 * container is made from has another type, or when it is over 8 MiB.
 */
export function parseImageConfig(raw: Uint8Array): ImageConfig {
  const { history, config, ...base } = parseJson(raw);
  const hasHistory = history !== undefined && history !== null;
  const hasConfig = config !== undefined && config !== null;
  if (hasHistory) checkHistory(history);
  if (hasConfig) checkDefaults(config);
  const { architecture, os } = base;
  return {
    ...base,
    architecture: typeof architecture === "string" ? architecture : "",
    os: typeof os === "string" && os !== "" ? os : "linux",
    rootfs: { type: "layers", diff_ids: parseDiffIds(base["rootfs"]) },
    ...(hasConfig ? { config } : {}),
    ...(hasHistory ? { history: history as readonly HistoryEntry[] } : {}),
  };
}
