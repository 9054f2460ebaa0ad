import { EngineError, ErrorCode } from "#errors";
import type { EntryStat } from "../contract.ts";
import { FileType } from "./goMode.ts";

/** Deeper than any filesystem path (PATH_MAX). */
const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;

function refuse(path: string, why: string): EngineError {
  return new EngineError(
    "invalid_argument",
    ErrorCode.PATH_ESCAPE,
    `invalid path ${JSON.stringify(path)} in transfer: ${why}`,
  );
}

function isType(stat: EntryStat, type: number): boolean {
  return (stat.mode & FileType.MASK) === type;
}

/** Depth first with names in byte order: `/` is lower than any other byte. */
function orderKey(path: string): Buffer {
  return Buffer.from(path.replaceAll("/", "\0"));
}

/**
 * Holds a sender to fsutil's rules: clean relative paths, strictly rising, below a directory that was sent before; a hard
 * link only to a regular file that was sent before. So no entry can be written through a symbolic link.
 */
export class PathOrder {
  #last: Buffer = Buffer.alloc(0);
  /** Directories that lead to the last entry. */
  #open: string[] = [];
  readonly #regular = new Set<string>();

  /** @throws {invalid_argument} */
  check(stat: EntryStat): void {
    const { path } = stat;
    checkShape(path);
    const key = orderKey(path);
    if (this.#last.length > 0 && Buffer.compare(key, this.#last) <= 0) throw refuse(path, "out of order");
    this.#last = key;
    const cut = path.lastIndexOf("/");
    const parent = cut < 0 ? "" : path.slice(0, cut);
    while (this.#open.length > 0 && this.#open.at(-1) !== parent) this.#open.pop();
    if (parent !== "" && this.#open.length === 0) throw refuse(path, "its parent is no directory that was sent");
    if (isType(stat, FileType.DIR)) this.#open.push(path);
    if (!isType(stat, FileType.REGULAR)) return;
    if (stat.linkname === "") this.#regular.add(path);
    else if (!this.#regular.has(stat.linkname)) throw refuse(path, "a hard link to what was not sent");
  }
}

function checkShape(path: string): void {
  if (path === "" || path.startsWith("/")) throw refuse(path, "not relative");
  if (path.includes("\0")) throw refuse(path, "a NUL byte");
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw refuse(`${path.slice(0, 60)}…`, "too long");
  for (const part of path.split("/")) {
    if (part === "" || part === "." || part === "..") throw refuse(path, "not clean");
    if (Buffer.byteLength(part) > MAX_NAME_BYTES) throw refuse(`${path.slice(0, 60)}…`, "a name is too long");
  }
}
