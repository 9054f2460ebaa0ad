/**
 * What one layer cannot say alone, and overlayfs would get wrong: attributes of directories that its tar never names,
 * hard links into lower layers, and whiteouts in a directory that no lower layer has (they would be listed as ghosts).
 * A fixup is a small layer right above it that names those paths; a directory that two layers name is merged, and
 * merging drops ghosts. See ADR 0008.
 */
import type { ErofsImage } from "#erofs";
import { EngineError, ErrorCode } from "#errors";
import type { LayerInfo, LayerReads, MergedView, ViewEntry } from "#layers";
import { parentOf, toDisplayPath } from "#tar";
import type { CommittedLayer } from "./driver.ts";

/** A regular file or other inode to be repeated above the layer, under all these names (at least one). */
export interface FixupInode {
  readonly entry: ViewEntry;
  readonly paths: readonly string[];
}

/** What to name, in the attributes of the merged view that is open as `view`. */
export interface FixupPlan {
  /** Parents first; the root is always the first. */
  readonly directories: readonly ViewEntry[];
  readonly inodes: readonly FixupInode[];
  /** Directories whose whiteouts hide nothing. */
  readonly ghosts: ReadonlySet<string>;
}

/** undefined when the layer stacks well as it is, as nearly all do. The root's attributes alone are no reason: see `rootSource`. */
export async function planFixup(
  layers: LayerReads,
  layer: CommittedLayer,
  view: MergedView,
): Promise<FixupPlan | undefined> {
  const info = infoOf(layers, layer);
  const ghosts = await findGhosts(layers, layer, info);
  const mended = info.impliedDirectories.filter((path) => path !== "" && isMended(view, path, layer.below.length));
  const inodes = collectInodes(view, info);
  if (ghosts.size === 0 && mended.length === 0 && inodes.length === 0) return undefined;
  const named = [...ghosts, ...mended, ...inodes.flatMap(({ paths }) => paths.map(parentOf))];
  return { directories: withAncestors(named).map((path) => lookup(view, path)), inodes, ghosts };
}

/** Whether planning is worth opening readers at all. */
export function mayNeedFixup(info: LayerInfo): boolean {
  return (
    info.lowerHardlinks.length > 0 ||
    info.impliedDirectories.some((path) => path !== "") ||
    info.whiteoutDirectories.some((path) => path !== "")
  );
}

export function infoOf(layers: LayerReads, { diffId }: Pick<CommittedLayer, "diffId">): LayerInfo {
  const info = layers.get(diffId);
  if (info !== undefined) return info;
  throw new EngineError("not_found", ErrorCode.LAYER_NOT_FOUND, `layer ${diffId} is not in the layer store`);
}

/** A made-up directory takes its attributes from below when something is below. */
function isMended(view: MergedView, path: string, ownLayer: number): boolean {
  return lookup(view, path).layer !== ownLayer;
}

/** The root needs no cure: every stack we mount has another directory above it. */
async function findGhosts(layers: LayerReads, layer: CommittedLayer, info: LayerInfo): Promise<ReadonlySet<string>> {
  const candidates = info.whiteoutDirectories.filter((path) => path !== "");
  if (candidates.length === 0) return new Set();
  await using below = await layers.openView(layer.below);
  await using own = await layers.openReader(layer.diffId);
  return new Set(candidates.filter((path) => isCutOff(own.image, path) || !isDirectoryAt(below, path)));
}

/** True when the directory or one above it is opaque in the layer, so that overlayfs looks no further down. */
function isCutOff(image: ErofsImage, path: string): boolean {
  return withAncestors([path]).some((prefix) => {
    const nid = image.lookup(prefix);
    return nid !== undefined && image.isOpaque(nid);
  });
}

function isDirectoryAt(view: MergedView, path: string): boolean {
  const entry = view.lookup(path, { follow: false });
  return entry?.path === path && entry.stat.type === "directory";
}

/** Names that share an inode below share one above, and so does the lower name itself unless the layer hides it. */
function collectInodes(view: MergedView, info: LayerInfo): FixupInode[] {
  const found = new Map<string, { readonly entry: ViewEntry; readonly paths: Set<string> }>();
  for (const { path, target } of info.lowerHardlinks) {
    const entry = view.lookup(path, { follow: false });
    if (entry === undefined) throw brokenLink(info, path, target);
    const key = `${entry.layer}:${entry.stat.nid}`;
    const inode = found.get(key) ?? { entry, paths: new Set<string>() };
    const origin = view.lookup(target, { follow: false });
    if (origin?.layer === entry.layer && origin.stat.nid === entry.stat.nid) inode.paths.add(origin.path);
    found.set(key, { entry, paths: inode.paths.add(path) });
  }
  return Array.from(found.values(), ({ entry, paths }) => ({ entry, paths: [...paths] }));
}

function lookup(view: MergedView, path: string): ViewEntry {
  const entry = view.lookup(path, { follow: false });
  if (entry === undefined) throw new Error(`${toDisplayPath(path)} is in the layer's index but not in its tree`);
  return entry;
}

/** The paths and every directory above them, each once, parents first. */
function withAncestors(paths: readonly string[]): string[] {
  const all = new Set([""]);
  for (const path of paths) {
    for (let at = path; at !== ""; at = parentOf(at)) all.add(at);
  }
  return [...all].sort();
}

function brokenLink(info: LayerInfo, path: string, target: string): EngineError {
  const message = `layer ${info.diffId}: hard link ${toDisplayPath(path)} to ${toDisplayPath(target)}, which no lower layer has`;
  return new EngineError("invalid_argument", ErrorCode.INVALID_TAR, message);
}
