import type { BuildCache, BuildCacheRecord, PruneCacheOptions } from "#build";
import { parseTimestamp } from "#engineapi";
import type { Filters } from "#engineapi";
import { EngineError, ErrorCode, messageOf } from "#errors";
import type { Exchange } from "../exchange.ts";
import { parseFilters } from "../query.ts";

const NANO_PER_MS = 1e6;
/** Filters that BuildKit has under the same name; `id` is a pattern there. */
const FIELDS = ["id", "parent", "type", "description", "inuse", "shared", "private"];
const UNTIL = ["until", "unused-for"];

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, `failed to prune build cache: ${message}`);
}

function single(values: readonly string[]): string | undefined {
  if (values.length > 1) throw refused("filters expect only one value");
  return values[0];
}

function keepDuration(filters: Filters): Pick<PruneCacheOptions, "keepDurationNs"> {
  const given = UNTIL.filter((name) => filters.has(name));
  const [name = "until"] = given;
  if (given.length > 1) throw refused(`conflicting filters: "until" and "unused-for"`);
  const value = single(filters.get(name) ?? []);
  if (value === undefined) return {};
  const now = Date.now();
  try {
    return { keepDurationNs: (now - parseTimestamp(value, now)) * NANO_PER_MS };
  } catch (error) {
    throw refused(`"${name}" filter expects a duration (e.g., '24h') or a timestamp: ${messageOf(error)}`);
  }
}

/** Of `system prune`, which tells every kind of thing its filters: records of a cache have none. */
const LABELS: readonly string[] = ["label", "label!"];

/** Docker's filters → one of BuildKit's, its conditions joined. */
function conditions(filters: Filters): readonly string[] {
  const known = [...FIELDS, ...UNTIL, ...LABELS];
  const unknown = [...filters.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw refused(`invalid filter '${unknown}'`);
  const parts = FIELDS.filter((name) => filters.has(name)).map((name) => {
    const value = single(filters.get(name) ?? []);
    if (value === undefined) return name;
    return `${name}${name === "id" ? "~=" : "=="}${value}`;
  });
  return parts.length === 0 ? [] : [parts.join(",")];
}

function bytesOf(exchange: Exchange, name: string): number | undefined {
  const text = exchange.query.get(name) ?? "";
  if (text === "") return undefined;
  if (/^[+-]?\d+$/.test(text)) return Number(text) === 0 ? undefined : Number(text);
  const message = `${name} is in bytes and expects an integer, got ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

/** `POST /build/prune`. */
export async function pruneCache(cache: BuildCache, exchange: Exchange): Promise<void> {
  const filters = parseFilters(exchange.query.get("filters"));
  const reservedSpace = bytesOf(exchange, "reserved-space") ?? bytesOf(exchange, "keep-storage");
  const maxUsedSpace = bytesOf(exchange, "max-used-space");
  const minFreeSpace = bytesOf(exchange, "min-free-space");
  if (filters.has("label")) return exchange.json(200, { CachesDeleted: null, SpaceReclaimed: 0 });
  const removed = await cache.prune({
    all: exchange.flag("all"),
    filters: conditions(filters),
    ...keepDuration(filters),
    ...(reservedSpace === undefined ? {} : { reservedSpace }),
    ...(maxUsedSpace === undefined ? {} : { maxUsedSpace }),
    ...(minFreeSpace === undefined ? {} : { minFreeSpace }),
  });
  exchange.json(200, {
    CachesDeleted: removed.length === 0 ? null : removed.map(({ id }) => id),
    SpaceReclaimed: removed.reduce((sum, { size }) => sum + size, 0),
  });
}

const timeOf = (ms: number): string => new Date(ms).toISOString();

/** A row of `GET /system/df`'s `BuildCache`. @see docker-engine-api v1.56, BuildCache */
export function toCacheRow(record: BuildCacheRecord): Readonly<Record<string, unknown>> {
  return {
    ID: record.id,
    ...(record.parents.length === 0 ? {} : { Parents: record.parents }),
    Type: record.type,
    Description: record.description,
    InUse: record.inUse,
    Shared: record.shared,
    Size: record.size,
    CreatedAt: timeOf(record.createdAt),
    LastUsedAt: record.lastUsedAt === undefined ? null : timeOf(record.lastUsedAt),
    UsageCount: record.usageCount,
  };
}

/** varve's own `GET /varve/v1/build/cache`: records as they are, by BuildKit's filters. */
export async function listCache(cache: BuildCache, exchange: Exchange): Promise<void> {
  exchange.json(200, await cache.list(exchange.query.getAll("filter")));
}

/** varve's own `POST /varve/v1/build/cache/prune`: BuildKit's options as query, what was removed as answer. */
export async function pruneRecords(cache: BuildCache, exchange: Exchange): Promise<void> {
  const keepDurationNs = bytesOf(exchange, "keep-duration-ns");
  const reservedSpace = bytesOf(exchange, "reserved-space");
  const maxUsedSpace = bytesOf(exchange, "max-used-space");
  const minFreeSpace = bytesOf(exchange, "min-free-space");
  const removed = await cache.prune({
    all: exchange.flag("all"),
    filters: exchange.query.getAll("filter"),
    ...(keepDurationNs === undefined ? {} : { keepDurationNs }),
    ...(reservedSpace === undefined ? {} : { reservedSpace }),
    ...(maxUsedSpace === undefined ? {} : { maxUsedSpace }),
    ...(minFreeSpace === undefined ? {} : { minFreeSpace }),
  });
  exchange.json(200, removed);
}
