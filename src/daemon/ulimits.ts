import type { EngineConfig } from "#engine";
import { EngineError, ErrorCode } from "#errors";

type Ulimits = NonNullable<EngineConfig["ulimits"]>;

const NAMES: ReadonlySet<string> = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" "),
);
const FORM = /^([^=]+)=(-?\d+)(?::(-?\d+))?$/;
const UNLIMITED = -1;

const bad = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, message);

function parseUlimit(text: string): Ulimits[number] {
  const [whole, Name = "", soft, hard = soft] = FORM.exec(text) ?? [];
  if (whole === undefined) throw bad(`invalid ulimit argument: ${text}`);
  if (!NAMES.has(Name)) throw bad(`invalid ulimit type: ${Name}`);
  const [Soft, Hard] = [Number(soft), Number(hard)];
  if (Hard !== UNLIMITED && (Soft === UNLIMITED || Soft > Hard)) {
    const shown = Soft === UNLIMITED ? `soft: -1 (unlimited), hard: ${Hard}` : `${Soft} > ${Hard}`;
    throw bad(`ulimit soft limit must be less than or equal to hard limit: ${shown}`);
  }
  return { Name, Hard, Soft };
}

/** Each `nofile=1024:2048`, soft before hard; the last of a name counts. @throws {invalid_argument} INVALID_FLAG */
export function parseUlimits(texts: readonly string[]): Ulimits {
  return [...new Map(texts.map(parseUlimit).map((limit) => [limit.Name, limit])).values()];
}

/** daemon.json's spelling, `{"nofile": {"Name": "nofile", "Hard": 2048, "Soft": 1024}}`, as flags; undefined: no such. */
export function ulimitTexts(value: unknown): readonly string[] | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const texts: string[] = [];
  for (const [key, limit] of Object.entries(value)) {
    if (typeof limit !== "object" || limit === null) return undefined;
    const { Name = key, Hard = 0, Soft = 0 }: { Name?: unknown; Hard?: unknown; Soft?: unknown } = limit;
    if (typeof Name !== "string" || typeof Soft !== "number" || typeof Hard !== "number") return undefined;
    texts.push(`${Name}=${Soft}:${Hard}`);
  }
  return texts;
}
