import type { ErofsStat } from "#erofs";
import type { ByteRange, LayerReader } from "./layerReader.ts";

/**
 * A stack of layers as overlayfs would show it: upper names hide lower ones, whiteouts remove them, opaque directories
 * cut what is below. All paths are latin1 (one character a byte; `fromDisplayPath` of `#tar`), with or without leading
 * "/"; "." and ".." are resolved within the root and never leave it. Whiteouts themselves are not seen.
 */
export interface MergedView extends AsyncDisposable {
  /**
   * What is at a path; symlinks on the way are followed within the root, the last one only with `follow` (default true,
   * as stat(2); false as lstat(2)). undefined when there is nothing. @throws {invalid_argument} SYMLINK_LOOP after 40
   */
  lookup(path: string, options?: LookupOptions): ViewEntry | undefined;
  /** The names in a directory, in byte order; undefined when the path is no directory. */
  list(path: string): readonly ViewEntry[] | undefined;
  /** Target of a symlink, latin1. @throws {invalid_argument} when the entry is none */
  readlink(entry: ViewEntry): string;
  /** Full name → value, without overlayfs' own. */
  xattrs(entry: ViewEntry): ReadonlyMap<string, Uint8Array>;
  /** Bytes of a regular file, in chunks of at most 1 MiB. @throws {invalid_argument} when the entry is none */
  readFile(entry: ViewEntry, range?: ByteRange): AsyncIterable<Uint8Array>;
  /** A whole small file. @throws {resource_exhausted} when it is larger than maxBytes (default 1 MiB) */
  readSmallFile(entry: ViewEntry, maxBytes?: number): Promise<Buffer>;
  /** Everything below a directory (default: the root) and itself, parents first, names in byte order; no symlink is followed. */
  walk(path?: string): Generator<ViewEntry>;
  /**
   * What the layers from index `from` up do to those below them, as one changeset that needs no more whiteouts than the lower
   * layers ask for; from 0 it is the whole filesystem. Parents first, names in byte order.
   */
  changes(from: number): Generator<StackChange, void, void>;
}

/** One step of a changeset over a stack. Paths are clean latin1. */
export type StackChange =
  /** Is added, or replaces what is below; of a directory the attributes. "" is the root. */
  | { readonly kind: "entry"; readonly entry: ViewEntry }
  /** What is below has to go. */
  | { readonly kind: "whiteout"; readonly path: string }
  /** Of a directory that was told just before: what lower layers hold in it has to go. */
  | { readonly kind: "opaque"; readonly path: string }
  /** One more name of a file of the lower layers. */
  | { readonly kind: "lowerHardlink"; readonly path: string; readonly target: string };

export interface LookupOptions {
  readonly follow?: boolean;
}

/** Something in a merged view. */
export interface ViewEntry {
  /** Clean, without symlinks on the way, "" is the root. latin1. */
  readonly path: string;
  readonly stat: ErofsStat;
  /** Index of the layer that it (for a directory: its attributes) comes from; 0 is the base. */
  readonly layer: number;
}

export type { LayerReader };
