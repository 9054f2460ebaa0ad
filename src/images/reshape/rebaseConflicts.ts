import type { LayerReads, MergedView, ViewEntry } from "#layers";
import type { DiffId } from "#oci";
import { parentOf, toDisplayPath } from "#tar";
import { isSameEntry } from "./sameEntry.ts";

/** Base first, each. */
export interface RebaseStacks {
  readonly old: readonly DiffId[];
  readonly next: readonly DiffId[];
  readonly upper: readonly DiffId[];
}

/** What the upper layers say of a path. */
interface Touch {
  /** False for a directory that is only there for what is in it. */
  readonly isNamed: boolean;
  /** Nothing below it is seen any more. */
  readonly hides: boolean;
  /** A hard link leads to it: some file must be there. */
  readonly isLinked?: boolean;
}

/**
 * The paths that the upper layers touch and that differ between the bases, unless the outcome is what the new base says anyhow; readable,
 * sorted. Times alone are no difference; of directories only type, mode, owner and attributes are.
 */
export async function rebaseConflicts(
  layers: LayerReads,
  stacks: RebaseStacks,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  await using old = await layers.openView(stacks.old);
  await using next = await layers.openView(stacks.next);
  await using outcome = await layers.openView([...stacks.next, ...stacks.upper]);
  const views = { old, next, outcome };
  const found = new Set<string>();
  for (const [path, { isNamed, hides, isLinked = false }] of await touchedPaths(layers, stacks.upper)) {
    signal?.throwIfAborted();
    if (isNamed ? await isConflict(views, path) : isBlocked(views, path)) found.add(path);
    if (isLinked && (entryAt(next, path)?.stat.type ?? "directory") === "directory") found.add(path);
    if (!hides) continue;
    for (const inside of namesBelow(views, path)) if (await isConflict(views, inside)) found.add(inside);
  }
  return [...found].sort().map(toDisplayPath);
}

/** Every name in the layers, directories on the way, and the targets of hard links into lower layers. */
async function touchedPaths(layers: LayerReads, upper: readonly DiffId[]): Promise<ReadonlyMap<string, Touch>> {
  const touched = new Map<string, Touch>();
  const add = (path: string, { isNamed, hides, isLinked = false }: Touch): void => {
    const known = touched.get(path);
    touched.set(path, {
      isNamed: isNamed || known?.isNamed === true,
      hides: hides || known?.hides === true,
      isLinked: isLinked || known?.isLinked === true,
    });
  };
  for (const diffId of upper) {
    const info = layers.get(diffId);
    const implied = new Set(info?.impliedDirectories);
    await using reader = await layers.openReader(diffId);
    for (const { path, stat } of reader.image.walk()) {
      const hides = stat.type !== "directory" || reader.image.isOpaque(stat.nid);
      if (path !== "") add(path, { isNamed: !implied.has(path), hides });
    }
    for (const { path, target } of info?.lowerHardlinks ?? []) {
      add(path, { isNamed: true, hides: true });
      add(target, { isNamed: false, hides: false, isLinked: true });
      for (let at = parentOf(target); at !== ""; at = parentOf(at)) add(at, { isNamed: false, hides: false });
    }
  }
  return touched;
}

interface Views {
  readonly old: MergedView;
  readonly next: MergedView;
  /** The new base with the upper layers. */
  readonly outcome: MergedView;
}

async function isConflict({ old, next, outcome }: Views, path: string): Promise<boolean> {
  const before = { view: old, entry: entryAt(old, path) };
  const after = { view: next, entry: entryAt(next, path) };
  if (await isSame(before, after)) return false;
  const result = { view: outcome, entry: entryAt(outcome, path) };
  if (await isSame(result, after)) return false;
  // A directory that the new base has no more, and that the layers bring again for what is in it.
  const isBroughtBack = isDirectory(before.entry) && after.entry === undefined && isDirectory(result.entry);
  return !isBroughtBack;
}

/** True when the new base has something else in the place of a directory that the layers need, and the old one had not. */
function isBlocked({ old, next }: Views, path: string): boolean {
  const after = entryAt(next, path);
  if (after === undefined || isDirectory(after)) return false;
  return entryAt(old, path)?.stat.type !== after.stat.type;
}

function namesBelow({ old, next }: Views, path: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const view of [old, next]) {
    if (entryAt(view, path)?.stat.type !== "directory") continue;
    for (const entry of view.walk(path)) if (entry.path !== path) names.add(entry.path);
  }
  return names;
}

interface Place {
  readonly view: MergedView;
  readonly entry: ViewEntry | undefined;
}

/** What is at the path itself, no symlink on the way followed. */
function entryAt(view: MergedView, path: string): ViewEntry | undefined {
  const entry = view.lookup(path, { follow: false });
  return entry?.path === path ? entry : undefined;
}

function isDirectory(entry: ViewEntry | undefined): boolean {
  return entry?.stat.type === "directory";
}

async function isSame(a: Place, b: Place): Promise<boolean> {
  if (a.entry === undefined || b.entry === undefined) return a.entry === b.entry;
  return await isSameEntry({ view: a.view, entry: a.entry }, { view: b.view, entry: b.entry });
}
