/** Files of a client that a build may copy from. Made by this folder only; see README. */
export type ContextDirectory = DirectoryInPlace | PackedContext;

/** What a client has sent: a list of entries, and a file that has their bytes. Never changes while a build holds it. */
export interface PackedContext {
  /** Absolute paths. */
  readonly pack: string;
  readonly list: string;
}

/** A directory of this machine's disk. */
export interface DirectoryInPlace {
  /** Absolute path of the root. */
  readonly path: string;
  /** Patterns (as of an ignore file) of what is there but not part of it: a directory read in place; default none. */
  readonly excludes?: readonly string[];
  /** Everything counts as root's, whoever owns it on disk. Default false. */
  readonly isOwnedByRoot?: boolean;
  /** The same directory in another build: digests of its unchanged files are remembered under this name. Default: its path. */
  readonly key?: string;
}

/** An entry as it is sent, in walk order: depth first, names in byte order, `/` lowest. */
export interface ContextEntry {
  /** Clean, relative, `/` separated, valid UTF-8 as it came. */
  readonly path: string;
  /** st_mode, type bits included */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** ns since 1970, may be negative */
  readonly modifiedAt: bigint;
  /** Target of a symlink; path of an earlier entry for a hard link (type regular). */
  readonly linkname: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/**
 * Takes a directory that a client sends. Verifies order, names and confinement; asks only for bytes that are not here
 * from an earlier build with the same key.
 */
export interface ContextReceiver {
  /** The next entry; true when its bytes are wanted. @throws {invalid_argument} PATH_ESCAPE, out of order, `..`, absolute */
  entry(entry: ContextEntry): boolean;
  /** Bytes of a wanted entry (by its position in the sequence), in order for one entry, entries may interleave. */
  write(index: number, chunk: Uint8Array): void;
  /** No more bytes of that entry. @throws {invalid_argument} when they are not as many as its size. */
  end(index: number): void;
  /** undefined: more may come at once. Otherwise resolves when it may. @throws what writing threw */
  drained(): Promise<void> | undefined;
}
