import { walkTree } from "#erofs";
import type { ErofsImage, ErofsStat, LayerIndex, TreeName } from "#erofs";
import type { LayerEntry } from "./openImage.ts";

const OVERLAY_PREFIX = "trusted.overlay.";

/**
 * The entries of a layer file. `impliedDirectories` as the store remembers them: EROFS itself does not tell.
 * @throws {data_loss} INVALID_EROFS when the image is damaged
 */
export function entriesOfErofs(image: ErofsImage, impliedDirectories: readonly string[] = []): readonly LayerEntry[] {
  const implied = new Set(impliedDirectories);
  const firstNames = new Map<number, string>();
  const entries: LayerEntry[] = [];
  for (const { path, stat } of image.walk()) {
    if (path === "") continue;
    const first = stat.type === "directory" || stat.nlink < 2 ? undefined : firstNames.get(stat.nid);
    if (first === undefined && stat.nlink > 1) firstNames.set(stat.nid, path);
    const whiteout = image.isWhiteout(stat.nid);
    entries.push({
      ...attributesOf(path, stat),
      size: stat.type === "file" && first === undefined ? stat.size : 0,
      ...(stat.type === "symlink" ? { target: image.readlink(stat.nid) } : {}),
      ...linkOf(first),
      ...(whiteout ? { whiteout: true } : {}),
      ...(image.isOpaque(stat.nid) ? { opaque: true } : {}),
      ...(implied.has(path) ? { implied: true } : {}),
      ...((stat.type === "char" || stat.type === "block") && !whiteout ? { device: stat.device } : {}),
      ...xattrsOf(image.xattrs(stat.nid)),
    });
  }
  return entries;
}

/** The entries of a layer that was only read as a tar; equal to those of its layer file. */
export function entriesOfTree(index: LayerIndex): readonly LayerEntry[] {
  const firstNames = new Map<object, string>();
  const entries: LayerEntry[] = [];
  for (const name of walkTree(index)) {
    const first = firstNames.get(name.inode);
    if (first === undefined && name.type !== "directory") firstNames.set(name.inode, name.path);
    entries.push(entryOfName(name, first));
  }
  return entries;
}

function entryOfName(name: TreeName, first: string | undefined): LayerEntry {
  return {
    ...attributesOf(name.path, name),
    size: first === undefined ? (name.data?.size ?? 0) : 0,
    ...(name.target === undefined ? {} : { target: name.target }),
    ...linkOf(first),
    ...(name.whiteout ? { whiteout: true } : {}),
    ...(name.opaque ? { opaque: true } : {}),
    ...(name.implied ? { implied: true } : {}),
    ...(name.device === undefined || name.whiteout ? {} : { device: name.device }),
    ...xattrsOf(name.xattrs),
  };
}

type Attributes = Pick<LayerEntry, "path" | "type" | "mode" | "uid" | "gid" | "mtimeSeconds">;

function attributesOf(
  path: string,
  { type, mode, uid, gid, mtimeSeconds }: Pick<ErofsStat, "type" | "mode" | "uid" | "gid" | "mtimeSeconds">,
): Attributes {
  return { path, type, mode, uid, gid, mtimeSeconds };
}

/** A further name of what was met before; a hard-linked symlink is told by its own target. */
function linkOf(first: string | undefined): Pick<LayerEntry, "target" | "hardLink"> {
  return first === undefined ? {} : { target: first, hardLink: true };
}

function xattrsOf(xattrs: ReadonlyMap<string, Uint8Array> | undefined): Pick<LayerEntry, "xattrs"> {
  const own = [...(xattrs ?? [])].filter(([name]) => !name.startsWith(OVERLAY_PREFIX));
  return own.length === 0 ? {} : { xattrs: Object.fromEntries(own) };
}
