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
  readonly parent?: string;
  readonly comment?: string;
  readonly config?: ContainerDefaults;
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly DiffId[] };
  readonly history?: readonly HistoryEntry[];
}

/** Largest image config that is read: 8 MiB. */
export const MAX_CONFIG_BYTES: number = 8 << 20;

function parseDiffIds(rootfs: unknown): readonly DiffId[] | undefined {
  if (typeof rootfs !== "object" || rootfs === null) return undefined;
  const ids = (rootfs as { diff_ids?: unknown }).diff_ids ?? [];
  return Array.isArray(ids) ? ids.map((id) => parseDiffId(String(id))) : undefined;
}

/**
 * Bytes of an image config → value; unknown fields are kept. The bytes stay with the caller: they are the image ID.
 * @throws {invalid_argument} when it is not a JSON object with `rootfs.diff_ids` of type layers.
 */
export function parseImageConfig(raw: Uint8Array): ImageConfig {
  const bad = (why: string, cause?: unknown): EngineError =>
    new EngineError("invalid_argument", ErrorCode.INVALID_IMAGE_CONFIG, `invalid image config: ${why}`, { cause });
  if (raw.byteLength > MAX_CONFIG_BYTES) throw bad(`${raw.byteLength} bytes, at most ${MAX_CONFIG_BYTES} are read`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString("utf8"));
  } catch (cause) {
    throw bad("not JSON", cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad("not a JSON object");
  const { history, config } = value as { history?: unknown; config?: unknown };
  if (history !== undefined && history !== null && !Array.isArray(history)) throw bad("history is not a list");
  if (config !== undefined && config !== null && typeof config !== "object") throw bad("config is not an object");
  const diffIds = parseDiffIds((value as { rootfs?: unknown }).rootfs);
  if (diffIds === undefined) throw bad("rootfs.diff_ids is missing");
  const base = value as ImageConfig;
  return {
    ...base,
    architecture: typeof base.architecture === "string" ? base.architecture : "",
    os: typeof base.os === "string" && base.os !== "" ? base.os : "linux",
    rootfs: { type: "layers", diff_ids: diffIds },
    ...(Array.isArray(history) ? { history: history as readonly HistoryEntry[] } : {}),
  };
}
