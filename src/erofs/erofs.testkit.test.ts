/** Entries and images for the tests of this room. Named as a test so that it is exempt from what ships. */
import { LayerTree, layoutErofs, openErofs } from "#erofs";
import type { ErofsImage, ErofsLayout } from "#erofs";
import type { TarEntry } from "#tar";

export const TAR_BYTES: number = 64 * 1024;
export const UUID: Uint8Array = Uint8Array.from({ length: 16 }, (_, index) => index + 1);

export function entry(path: string, type: TarEntry["type"], fields: Partial<TarEntry> = {}): TarEntry {
  return {
    path,
    type,
    mode: type === "directory" ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtimeSeconds: 1_700_000_000,
    mtimeNanoseconds: 0,
    linkPath: "",
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: undefined,
    dataOffset: 512,
    storedSize: fields.size ?? 0,
    sparse: undefined,
    ...fields,
  };
}

export const file = (path: string, size: number, fields: Partial<TarEntry> = {}): TarEntry =>
  entry(path, "file", { size, ...fields });
export const directory = (path: string, fields: Partial<TarEntry> = {}): TarEntry => entry(path, "directory", fields);
export const symlink = (path: string, linkPath: string, fields: Partial<TarEntry> = {}): TarEntry =>
  entry(path, "symlink", { linkPath, ...fields });
export const hardlink = (path: string, linkPath: string): TarEntry => entry(path, "hardlink", { linkPath });

export function layoutOf(entries: Iterable<TarEntry>, tarBytes: number = TAR_BYTES): ErofsLayout {
  const tree = new LayerTree();
  for (const item of entries) tree.add(item);
  return layoutErofs(tree.finish(), { tarBytes, uuid: UUID });
}

/** The layer file in memory; its tar is zeros. */
export function bytesOf(layout: ErofsLayout): Buffer {
  const bytes = Buffer.alloc(layout.fileBytes);
  bytes.set(layout.head, 0);
  bytes.set(layout.metadata, layout.metadataOffset);
  return bytes;
}

export function openBytes(bytes: Uint8Array): ErofsImage {
  return openErofs({ read: (offset, length) => bytes.subarray(offset, offset + length) });
}

export function imageOf(entries: Iterable<TarEntry>): ErofsImage {
  return openBytes(bytesOf(layoutOf(entries)));
}

/** All paths, the root as "/". */
export function listing(image: ErofsImage): string[] {
  return [...image.walk()].map(({ path }) => path || "/");
}
