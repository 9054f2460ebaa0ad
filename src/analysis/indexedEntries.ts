import { listEntries } from "#erofs";
import type { ErofsEntry } from "#erofs";
import type { LayerEntry } from "./openImage.ts";

/** A layer's index as a layer file holds it, and what that alone cannot say. All paths latin1. */
export interface LayerIndexBytes {
  /** The 4096 bytes before the tar. */
  readonly head: Uint8Array;
  /** The EROFS metadata behind it. */
  readonly metadata: Uint8Array;
  readonly impliedDirectories: readonly string[];
  readonly lowerHardlinks: readonly { readonly path: string; readonly target: string }[];
}

/**
 * The entries of a layer file, as `entriesOfErofs` gives them but in one pass over the bytes: half a microsecond a name,
 * where walking takes four.
 * @throws {data_loss} INVALID_EROFS
 */
export function layerEntriesOf(index: LayerIndexBytes): readonly LayerEntry[] {
  const entries = listEntries(index.head, index.metadata);
  const { impliedDirectories, lowerHardlinks } = index;
  const marked = impliedDirectories.length === 0 ? entries : markImplied(entries, new Set(impliedDirectories));
  return withLowerHardlinks(marked, lowerHardlinks);
}

/**
 * Entries and, in their place, hard links to files of lower layers, which an index keeps apart: files of no bytes whose
 * `target` this layer does not have. Their attributes are the target's, which are not known here.
 */
export function withLowerHardlinks(
  entries: readonly LayerEntry[],
  lowerHardlinks: LayerIndexBytes["lowerHardlinks"],
): readonly LayerEntry[] {
  if (lowerHardlinks.length === 0) return entries;
  const links = lowerHardlinks.map(({ path, target }): LayerEntry => ({ ...LINK, path, target, hardLink: true }));
  return [...entries, ...links]
    .map((entry) => ({ entry, key: entry.path.replaceAll("/", "\0") }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ entry }) => entry);
}

const LINK = { type: "file", mode: 0, uid: 0, gid: 0, size: 0, mtimeSeconds: 0 } as const;

function markImplied(entries: readonly ErofsEntry[], implied: ReadonlySet<string>): readonly LayerEntry[] {
  return entries.map((entry) => (implied.has(entry.path) ? { ...entry, implied: true as const } : entry));
}
