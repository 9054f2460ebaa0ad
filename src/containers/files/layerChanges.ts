import { closeSync, constants, fstatSync, openSync, readdirSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { findXattr } from "#host";
import { isOpaque, isWhiteout, StackDirectory } from "#snapshots";
import type { StackEntry } from "#snapshots";
import { toDisplayPath } from "#tar";
import type { PathChange } from "./fileJobs.ts";
import { errnoOf, goError } from "./goError.ts";
import { fdPath, MAX_DEPTH, O_PATH, pathAt } from "./openFile.ts";

const CHANGED = 0;
const ADDED = 1;
const DELETED = 2;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const CAPABILITY = "security.capability";
const SECOND = 1_000_000_000n;

/**
 * What a top changes in the stack below it, as dockerd's diff says it by comparing both: a name that is new is added, one
 * whose type, mode, owner, device, time, size or capability differ is changed (of a directory neither time nor size), and
 * a directory with a change in it is named before it. Sorted by name, where dockerd's order is random.
 */
export function layerChanges(upper: string, lowers: readonly string[], checkStop: () => void): readonly PathChange[] {
  const changes: PathChange[] = [];
  const fd = openSync(upper, DIRECTORY);
  try {
    compareDirectory({ upper: fd, path: "", lower: StackDirectory.root(lowers), depth: 0 }, changes, checkStop);
  } finally {
    closeSync(fd);
  }
  return changes;
}

interface Pair {
  readonly upper: number;
  /** latin1, "" for the root */
  readonly path: string;
  /** undefined: nothing below shows through */
  readonly lower: StackDirectory | undefined;
  readonly depth: number;
}

function compareDirectory(pair: Pair, changes: PathChange[], checkStop: () => void): void {
  const { upper, path, lower, depth } = pair;
  checkStop();
  if (depth > MAX_DEPTH) throw goError("internal", `${toDisplayPath(path)}: directories are nested too deeply`);
  const names = new Set(readdirSync(fdPath(upper), "latin1"));
  // An opaque directory hides all names of the lower one; those that it does not have again are gone.
  const hidden = lower !== undefined && isOpaque(Buffer.from(fdPath(upper))) ? lower.names() : [];
  for (const name of [...new Set([...names, ...hidden])].sort()) {
    const own = `${path}/${name}`;
    const below = lower?.find(name);
    const fd = names.has(name) ? openName(upper, name) : undefined;
    try {
      const stat = fd === undefined ? undefined : fstatSync(fd, { bigint: true });
      if (fd === undefined || stat === undefined || isWhiteout(stat)) {
        if (below !== undefined) changes.push({ Path: toDisplayPath(own), Kind: DELETED });
        continue;
      }
      const before = changes.length;
      const isTold = below === undefined || differs(below, stat, fd);
      if (isTold) changes.push({ Path: toDisplayPath(own), Kind: below === undefined ? ADDED : CHANGED });
      if (!stat.isDirectory()) continue;
      enter(fd, { path: own, lower: below?.directory, depth: depth + 1 }, changes, checkStop);
      if (!isTold && changes.length > before) changes.splice(before, 0, { Path: toDisplayPath(own), Kind: CHANGED });
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}

function enter(fd: number, pair: Omit<Pair, "upper">, changes: PathChange[], checkStop: () => void): void {
  // Through the fd's own link, which O_NOFOLLOW would not let us.
  const upper = openSync(fdPath(fd), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    compareDirectory({ ...pair, upper }, changes, checkStop);
  } finally {
    closeSync(upper);
  }
}

/** The name itself, not what a link leads to: the container may change it at any moment. */
function openName(directory: number, name: string): number | undefined {
  try {
    return openSync(pathAt(directory, name), O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function differs({ stat: before, path }: StackEntry, after: BigIntStats, fd: number): boolean {
  if (before.mode !== after.mode || before.uid !== after.uid || before.gid !== after.gid) return true;
  if (before.isDirectory()) return false;
  if (before.rdev !== after.rdev || before.size !== after.size) return true;
  if (!isSameTime(before.mtimeNs, after.mtimeNs)) return true;
  return after.isFile() && capabilityOf(path) !== capabilityOf(fdPath(fd));
}

/** Archives know whole seconds only: a time without a fraction equals any within its second. */
function isSameTime(a: bigint, b: bigint): boolean {
  return a === b || (a / SECOND === b / SECOND && (a % SECOND === 0n || b % SECOND === 0n));
}

function capabilityOf(path: Buffer | string): string | undefined {
  return findXattr(path, CAPABILITY)?.toString("latin1");
}
