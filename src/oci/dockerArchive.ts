/** `manifest.json` of what `docker save` writes (docker image spec 1.2, "Combined Image JSON + Filesystem Changeset Format"). */
import { EngineError, ErrorCode } from "#errors";

/** One image of `manifest.json`; paths are those of members. */
export interface DockerArchiveImage {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  /** base first */
  readonly Layers: readonly string[];
}

/** @throws {invalid_argument} INVALID_ARCHIVE when it is no list of images */
export function parseDockerArchive(raw: Uint8Array): readonly DockerArchiveImage[] {
  const value = parseJson(raw);
  if (!Array.isArray(value)) throw invalid("manifest.json is not a list");
  return value.map((item: unknown, index) => {
    if (typeof item !== "object" || item === null) throw invalid(`manifest.json[${index}] is not an object`);
    const { Config, RepoTags, Layers } = item as Readonly<Record<string, unknown>>;
    if (typeof Config !== "string" || Config === "") throw invalid(`manifest.json[${index}] has no Config`);
    return { Config, RepoTags: strings(RepoTags, "RepoTags"), Layers: strings(Layers, "Layers") };
  });
}

function strings(value: unknown, name: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw invalid(`${name} of manifest.json is not a list of strings`);
}

function parseJson(raw: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(raw).toString("utf8"));
  } catch (cause) {
    throw invalid("manifest.json is not JSON", cause);
  }
}

function invalid(message: string, cause?: unknown): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_ARCHIVE, `invalid archive: ${message}`, { cause });
}
