import { parseTimestamp } from "#engineapi";
import { messageOf } from "#errors";
import { failing, onNodes } from "../builders/builders.ts";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { boolFlag, filterFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { humanDuration, humanSize } from "../format/units.ts";
import { pruneFilters } from "../options/pruneFilters.ts";
import { bytesFlag } from "../options/resourceFlags.ts";
import { confirm } from "../stream/prompt.ts";

const CACHE_PATH = "/varve/v1/build/cache";
const NANO_PER_MS = 1e6;
const WARNING = {
  dangling: "WARNING! This will remove all dangling build cache. Are you sure you want to continue?",
  all: "WARNING! This will remove all build cache. Are you sure you want to continue?",
};

/** A record of the build cache as our own route gives it; times in ms since 1970. */
interface CacheRecord {
  readonly id: string;
  readonly parents: readonly string[];
  readonly type: string;
  readonly description: string;
  readonly inUse: boolean;
  readonly shared: boolean;
  readonly mutable: boolean;
  readonly size: number;
  readonly createdAt: number;
  readonly lastUsedAt?: number;
  readonly usageCount: number;
}

type FilterValues = Readonly<Record<string, readonly string[]>>;

const ago = (ms: number): string => `${humanDuration(Date.now() - ms)} ago`;

function row(record: CacheRecord): string {
  const id = `${record.id}${record.mutable ? "*" : ""}`.padEnd(40);
  const size = `${humanSize(record.size)}${record.shared ? "*" : ""}`.padEnd(10);
  const used = record.lastUsedAt === undefined ? "" : ago(record.lastUsedAt);
  return `${id}\t${String(!record.inUse).padEnd(5)}\t\t${size}\t${used}\n`;
}

const HEADER = "ID\t\t\t\t\t\tRECLAIMABLE\tSIZE\t\tLAST ACCESSED\n";

function details(record: CacheRecord): string {
  const lines: readonly (readonly [string, string])[] = [
    ["ID:", record.id],
    ...(record.parents.length === 0 ? [] : [["Parent:", record.parents.join(";")] as const]),
    ["Created at:", `${new Date(record.createdAt).toISOString().replace("T", " ").replace("Z", "")} +0000 UTC`],
    ["Mutable:", String(record.mutable)],
    ["Reclaimable:", String(!record.inUse)],
    ["Shared:", String(record.shared)],
    ["Size:", humanSize(record.size)],
    ...(record.description === "" ? [] : [["Description:", record.description] as const]),
    ["Usage count:", String(record.usageCount)],
    ...(record.lastUsedAt === undefined ? [] : [["Last used:", ago(record.lastUsedAt)] as const]),
    ...(record.type === "" ? [] : [["Type:", record.type] as const]),
  ];
  return `${lines.map(([name, value]) => `${name}\t${name.length < 8 ? "\t" : ""}${value}\n`).join("")}\n`;
}

/** Docker's filters → BuildKit's: conditions of one record, joined. */
function conditions(filters: FilterValues): readonly string[] {
  const parts = Object.entries(filters)
    .filter(([name]) => name !== "until" && name !== "unused-for")
    .map(([name, values]) => {
      const [value = ""] = values;
      if (values.length > 1) throw new Error("expected only one value for filter");
      if (value === "") return name;
      return `${name}${name === "id" ? "~=" : "=="}${value}`;
    });
  return parts.length === 0 ? [] : [parts.join(",")];
}

/** Keep what was used later than `until` says. */
function keepDuration(filters: FilterValues): number | undefined {
  const values = [...(filters["until"] ?? []), ...(filters["unused-for"] ?? [])];
  const [value] = values;
  if (values.length > 1) throw new Error("expected only one value for filter");
  if (value === undefined) return undefined;
  const now = Date.now();
  try {
    return Math.round((now - parseTimestamp(value, now)) * NANO_PER_MS);
  } catch (error) {
    throw new Error(`"until" filter expects a duration (e.g., '24h') or a timestamp: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

const total = (records: readonly CacheRecord[]): number => records.reduce((sum, { size }) => sum + size, 0);

function summary(records: readonly CacheRecord[]): string {
  const shared = records.filter((record) => record.shared);
  const parts: readonly (readonly [string, number])[] = [
    ...(shared.length === 0
      ? []
      : [["Shared:\t\t", total(shared)] as const, ["Private:\t", total(records) - total(shared)] as const]),
    ["Reclaimable:\t", total(records.filter((record) => !record.inUse))],
    ["Total:\t\t", total(records)],
  ];
  return parts.map(([name, bytes]) => `${name}${humanSize(bytes)}\n`).join("");
}

function bySize(a: CacheRecord, b: CacheRecord): number {
  return b.size - a.size;
}

const BUILDER = stringFlag(undefined, "Override the configured builder instance");

async function list(session: Session, filters: FilterValues): Promise<readonly CacheRecord[]> {
  return session.client.json<readonly CacheRecord[]>({ path: CACHE_PATH, query: { filter: conditions(filters) } });
}

/** `varve buildx du`. */
export const cacheUsage: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Disk usage",
  examples: "buildx du --filter type=exec.cachemount",
  args: { min: 0, max: 0 },
  flags: {
    builder: BUILDER,
    filter: filterFlag(undefined, "Provide filter values"),
    verbose: boolFlag(undefined, "Provide a more verbose output"),
  },
  async run({ session, flags }) {
    const all = await failing(() => onNodes(session, flags.builder, (own) => list(own, flags.filter)));
    const records = all.flat().sort(bySize);
    session.print(flags.verbose ? records.map(details).join("") : HEADER + records.map(row).join(""));
    // A filtered list says nothing of the whole.
    if (Object.keys(flags.filter).length === 0) session.print(summary(records));
    return undefined;
  },
});

/** `varve builder prune`, `varve buildx prune`. */
export const cachePrune: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Remove build cache",
  examples: `builder prune -f --filter until=24h
builder prune -a --reserved-space 10gb`,
  args: { min: 0, max: 0 },
  flags: {
    all: boolFlag("a", "Include internal/frontend images"),
    builder: BUILDER,
    filter: filterFlag(undefined, 'Provide filter values (e.g., "until=24h")'),
    force: boolFlag("f", "Do not prompt for confirmation"),
    "keep-storage": bytesFlag(undefined, "Amount of disk space to keep for cache"),
    "max-used-space": bytesFlag(undefined, "Maximum amount of disk space allowed to keep for cache"),
    "min-free-space": bytesFlag(undefined, "Target amount of free disk space after pruning"),
    "reserved-space": bytesFlag(undefined, "Amount of disk space always allowed to keep for cache"),
    verbose: boolFlag(undefined, "Provide a more verbose output"),
  },
  async run({ session, flags }) {
    if (!flags.force && !(await confirm(session, flags.all ? WARNING.all : WARNING.dangling))) return undefined;
    const filters = pruneFilters(session.config, flags.filter);
    const orNone = (bytes: number): number | undefined => (bytes === 0 ? undefined : bytes);
    const query = {
      all: flags.all,
      filter: conditions(filters),
      "keep-duration-ns": keepDuration(filters),
      "reserved-space": orNone(flags["reserved-space"] || flags["keep-storage"]),
      "max-used-space": orNone(flags["max-used-space"]),
      "min-free-space": orNone(flags["min-free-space"]),
    };
    const call = { method: "POST", path: `${CACHE_PATH}/prune`, query } as const;
    const all = await failing(() =>
      onNodes(session, flags.builder, (own) => own.client.json<readonly CacheRecord[]>(call)),
    );
    const removed = all.flat();
    if (flags.verbose) session.print(removed.map(details).join(""));
    else if (removed.length > 0) session.print(HEADER + removed.map(row).join(""));
    session.print(`Total:\t${humanSize(total(removed))}\n`);
    return undefined;
  },
});
