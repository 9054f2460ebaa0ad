/** What a tar entry is (POSIX pax, ustar and GNU type flags folded into one closed set). */
export type TarEntryType = "file" | "hardlink" | "symlink" | "char" | "block" | "directory" | "fifo";

/** A run of real bytes within a sparse file: `length` bytes at `offset` of the expanded file. */
export interface SparseExtent {
  readonly offset: number;
  readonly length: number;
}

/**
 * One entry of a tar, all header forms resolved (PAX over GNU over ustar). Names are latin1 strings, one character a
 * byte, so that non-UTF-8 names survive and `<` is byte order; {@link toDisplayPath} makes them readable.
 */
export interface TarEntry {
  /** As in the archive: may start with `/` or `./`, end in `/`, hold `..`. Not cleaned. latin1. */
  readonly path: string;
  readonly type: TarEntryType;
  /** Permission bits incl. setuid, setgid, sticky: 0…0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of the file as a reader sees it (expanded, for a sparse file); 0 for anything but a file. */
  readonly size: number;
  /** Seconds since 1970, may be negative. */
  readonly mtimeSeconds: number;
  /** 0…999,999,999, added to mtimeSeconds. */
  readonly mtimeNanoseconds: number;
  /** Target of a hard link (a path within the archive) or of a symlink; "" otherwise. latin1. */
  readonly linkPath: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Full name (`security.capability`, `user.x`) → raw value; undefined if there is none. */
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined;
  /** Absolute byte offset of the entry's data within the tar stream (a multiple of 512 unless sparse 1.0 moved it). */
  readonly dataOffset: number;
  /** Bytes stored in the tar for this entry, from `dataOffset`; equals `size` unless sparse. */
  readonly storedSize: number;
  /** Present for sparse files: stored runs in ascending order; the stored bytes are their concatenation. */
  readonly sparse: readonly SparseExtent[] | undefined;
}

/** Bounds against hostile archives; reading beyond one throws `resource_exhausted` / TAR_LIMIT that names the bound. */
export interface TarLimits {
  /** Entries in one archive. Default 5,000,000. */
  readonly maxEntries: number;
  /** Bytes of one PAX or GNU extended header. Default 1 MiB. */
  readonly maxExtendedHeaderBytes: number;
  /** Bytes of all names, links and xattrs kept for one archive. Default 1 GiB. */
  readonly maxMetadataBytes: number;
  /** Runs of one sparse file. Default 1,000,000. */
  readonly maxSparseExtents: number;
}
