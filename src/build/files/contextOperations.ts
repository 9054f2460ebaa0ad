/**
 * What a thread does to a context directory, in order. Paths are relative to its root, as they came (UTF-8); what makes
 * something comes after its directory, so that no path leads through a symlink.
 */
export type ContextOperation =
  /** Copies the tree `from` by hard links, before it is changed while a build reads it. */
  | { readonly kind: "clone"; readonly from: string }
  /** The directory is not whole from here on. */
  | { readonly kind: "begin" }
  | { readonly kind: "directory"; readonly path: string; readonly facts: EntryFacts }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string; readonly facts: EntryFacts }
  | { readonly kind: "hardlink"; readonly path: string; readonly target: string }
  /** Device or fifo. */
  | {
      readonly kind: "node";
      readonly path: string;
      readonly major: number;
      readonly minor: number;
      readonly facts: EntryFacts;
    }
  | { readonly kind: "open"; readonly index: number; readonly path: string; readonly facts: EntryFacts }
  /** Bytes of the message's data. */
  | { readonly kind: "data"; readonly index: number; readonly start: number; readonly end: number }
  | { readonly kind: "close"; readonly index: number; readonly facts: EntryFacts }
  | { readonly kind: "remove"; readonly path: string }
  /** Times of directories, which what happened below has changed; then the list, with which the directory is whole. */
  | { readonly kind: "finish"; readonly directories: readonly DirectoryTime[]; readonly list: string };

export interface EntryFacts {
  /** st_mode */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** ns since 1970 */
  readonly modifiedAt: bigint;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

export interface DirectoryTime {
  readonly path: string;
  readonly modifiedAt: bigint;
}

/** Where a thread works. */
export interface ContextPlace {
  readonly root: string;
  /** The list of a whole context: what stands in it is there, with these attributes. */
  readonly list: string;
}

export interface ContextMessage {
  readonly operations: readonly ContextOperation[];
  readonly data: Uint8Array<ArrayBuffer>;
  /** No more comes. */
  readonly isLast: boolean;
}
