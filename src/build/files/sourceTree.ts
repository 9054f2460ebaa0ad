/**
 * A tree to copy from, as workers see it: a directory on disk or a stack of layers. Everything is synchronous. Paths are
 * latin1 strings (one character a byte), clean and relative, "" the root.
 */
export interface SourceTree extends AsyncDisposable {
  /**
   * The path without symlinks that `path` leads to within the root (absolute links start there, `..` stops there). What
   * does not exist keeps its name. @throws {invalid_argument} SYMLINK_LOOP
   */
  resolve(path: string): string;
  /** What is at a resolved path; undefined: nothing. */
  find(path: string): SourceEntry | undefined;
  /** In byte order of the names. */
  list(directory: SourceEntry): readonly SourceEntry[];
  readlink(entry: SourceEntry): string;
  /** Full name → value; undefined: none. */
  xattrs(entry: SourceEntry): ReadonlyMap<string, Uint8Array> | undefined;
  /** Reads ahead, many files at a time, what {@link digest} will be asked for. `checkStop` throws when nobody waits any more. */
  prepare(entries: readonly SourceEntry[], checkStop: () => void): Promise<void>;
  /** sha256 of a regular file, hex. */
  digest(entry: SourceEntry): string;
  /** Writes down what was learned, for later builds. */
  settle(): void;
  /** Hands a regular file's bytes, exactly `entry.size` of them, to `use`; a chunk is valid during its call only. */
  read(entry: SourceEntry, use: (chunk: Uint8Array) => void): void;
  /** The same, one after another; a chunk is valid until the next is asked for. */
  chunks(entry: SourceEntry): Generator<Uint8Array>;
}

export type SourceType = "file" | "directory" | "symlink" | "char" | "block" | "fifo" | "socket";

export interface SourceEntry {
  readonly path: string;
  readonly type: SourceType;
  /** 0…0o7777 */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; 0 for what is no file. */
  readonly size: number;
  readonly mtimeSeconds: number;
  /** The same for all names of an inode; undefined when it has only one. */
  readonly inode: string | undefined;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

export function joinPath(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}
