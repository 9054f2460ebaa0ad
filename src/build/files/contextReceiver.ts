import { EngineError, ErrorCode } from "#errors";
import { parentOf } from "#tar";
import { ContextListWriter, ListCursor } from "./contextList.ts";
import type { ContextListBytes } from "./contextList.ts";
import type { ContextEntry, ContextReceiver } from "./contextDirectory.ts";
import type { ComingFile, PackWriter } from "./packWriter.ts";

const MAX_ENTRIES = 2_000_000;
const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;
const MAX_XATTR_BYTES = 1 << 16;
/** Clients send a few at a time. */
const MAX_INCOMPLETE = 4096;
/** Larger files have a place of their own in the pack, however they come. */
const MAX_WHOLE_BYTES = 256 << 10;
/** linux/stat.h */
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const KNOWN: ReadonlySet<number> = new Set([S_IFREG, S_IFDIR, 0o120000, 0o020000, 0o060000, 0o010000, 0o140000]);
/** Other attributes are the client's machine's. */
const KEPT_XATTRS = /^(?:user\.|security\.capability$|system\.posix_acl_(?:access|default)$)/;

interface Wanted {
  readonly path: string;
  readonly size: number;
  /** Of its record. */
  readonly at: number;
  received: number;
  /** All is as it was announced. */
  isSteady: boolean;
  coming: ComingFile | undefined;
}

/**
 * Takes a directory from a client, who is not trusted: order, names and what leads where are checked, an entry that is
 * the same as in the list of what is here is not asked for. Nothing happens on disk until bytes come.
 */
export class CheckedReceiver implements ContextReceiver {
  readonly #pack: PackWriter;
  readonly #previous: ContextListBytes | undefined;
  readonly #cursor: ListCursor;
  readonly #list = new ContextListWriter();
  /** Directories that may still get entries, outermost first. */
  readonly #trail: string[] = [""];
  readonly #files = new Map<number, Wanted>();
  /** Of regular files: what links may lead to. */
  readonly #names = new Set<string>();
  #last: string | undefined;
  #count = 0;
  #incomplete = 0;
  #bytes = 0;
  #isChanged = false;

  /** `previous`: what is in the pack. */
  constructor(pack: PackWriter, previous: ContextListBytes | undefined) {
    this.#pack = pack;
    this.#previous = previous;
    this.#cursor = new ListCursor(previous);
  }

  /** Sum of the sizes of regular files. */
  get bytes(): number {
    return this.#bytes;
  }

  entry(entry: ContextEntry): boolean {
    const index = this.#count;
    this.#count += 1;
    this.#check(entry);
    const at = this.#list.add(keptOf(entry));
    const type = entry.mode & S_IFMT;
    if (type === S_IFDIR) this.#trail.push(entry.path);
    const isFile = type === S_IFREG && entry.linkname === "";
    if (type === S_IFREG) this.#names.add(entry.path);
    if (isFile) this.#bytes += entry.size;
    const known = this.#cursor.find(this.#list, at);
    if (known !== undefined && this.#previous !== undefined) {
      this.#list.locateAs(at, this.#previous, known);
      return false;
    }
    this.#isChanged = true;
    if (!isFile || entry.size === 0) return false;
    this.#files.set(index, { path: entry.path, size: entry.size, at, received: 0, isSteady: true, coming: undefined });
    return true;
  }

  write(index: number, bytes: Uint8Array): void {
    const file = this.#wanted(index);
    const before = file.received;
    // It grew since it was announced: what was announced is taken.
    const chunk = bytes.length > file.size - before ? bytes.subarray(0, file.size - before) : bytes;
    if (chunk.length < bytes.length) file.isSteady = false;
    file.received += chunk.length;
    if (chunk.length === 0) return;
    if (before === 0 && chunk.length === file.size && file.size <= MAX_WHOLE_BYTES) {
      const { at } = file;
      const offset = this.#pack.put(chunk, (sums, from) => this.#list.digested(at, sums, from));
      this.#list.locate(at, offset, chunk.length);
      return;
    }
    file.coming ??= this.#begin(file);
    file.coming.write(chunk);
  }

  end(index: number): void {
    const file = this.#wanted(index);
    this.#files.delete(index);
    // One that changed since it was announced is what came of it, and is asked for again next time.
    if (file.received !== file.size || !file.isSteady) this.#list.forget(file.at);
    if (file.coming === undefined) return;
    this.#incomplete -= 1;
    const { offset } = file.coming;
    this.#list.locate(file.at, offset, file.received);
    this.#list.digested(file.at, file.coming.finish(), 0);
  }

  drained(): Promise<void> | undefined {
    return this.#pack.drained();
  }

  /** All entries have come, and the pack is finished; undefined: they are those of before. @throws {invalid_argument} when a file is not whole */
  finish(bootId: string, madeAt: number): ContextListBytes | undefined {
    const [missing] = this.#files.values();
    if (missing !== undefined) throw sizeDiffers(missing);
    const isSame =
      this.#previous !== undefined && !this.#isChanged && this.#cursor.isAtEnd && !this.#cursor.isDifferent;
    return isSame ? undefined : this.#list.finish(bootId, madeAt);
  }

  #begin(file: Wanted): ComingFile {
    this.#incomplete += 1;
    if (this.#incomplete > MAX_INCOMPLETE) throw tooMuch(`pieces of more than ${MAX_INCOMPLETE} files at a time`);
    return this.#pack.begin(file.size);
  }

  #wanted(index: number): Wanted {
    const file = this.#files.get(index);
    if (file === undefined) throw refused(`data of entry ${index}, which was not asked for`);
    return file;
  }

  #check(entry: ContextEntry): void {
    const { path, linkname } = entry;
    if (this.#count > MAX_ENTRIES) throw tooMuch(`more than ${MAX_ENTRIES} entries`);
    if (!isCleanPath(path)) throw escape(`invalid path ${JSON.stringify(path)}`);
    if (isTooLong(path) || isTooLong(linkname)) {
      throw tooMuch(`the name ${JSON.stringify(`${path.slice(0, MAX_NAME_BYTES)}…`)} is too long`);
    }
    if (linkname.includes("\0")) throw refused(`the target of ${JSON.stringify(path)} holds a NUL`);
    if (this.#last !== undefined && compareWalk(this.#last, path) >= 0) throw refused(`${path} is out of order`);
    this.#last = path;
    const parent = parentOf(path);
    while (this.#trail.length > 1 && this.#trail.at(-1) !== parent) this.#trail.pop();
    if (this.#trail.at(-1) !== parent) throw escape(`${path} comes without its directory`);
    const type = entry.mode & S_IFMT;
    if (!KNOWN.has(type)) throw refused(`${path} is of no known type`);
    if (type === S_IFREG && linkname !== "" && !this.#names.has(linkname)) {
      throw escape(`${path} is a link to ${linkname}, which did not come before`);
    }
    if (entry.size < 0 || !Number.isSafeInteger(entry.size)) throw refused(`${path} has no valid size`);
    if (entry.xattrs.size === 0) return;
    let xattrBytes = 0;
    for (const [name, value] of entry.xattrs) xattrBytes += name.length + value.length;
    if (xattrBytes > MAX_XATTR_BYTES) throw tooMuch(`${path} has too many attributes`);
  }
}

/** Without the attributes that nobody keeps. */
function keptOf(entry: ContextEntry): ContextEntry {
  if (entry.xattrs.size === 0) return entry;
  const xattrs = new Map([...entry.xattrs].filter(([name]) => KEPT_XATTRS.test(name)));
  return { ...entry, xattrs };
}

function isCleanPath(path: string): boolean {
  return path !== "" && !/(?:^|\/)\.{0,2}(?:\/|$)|\0/.test(path);
}

/** No character has more than three bytes for each unit of UTF-16. */
function isTooLong(text: string): boolean {
  return text.length * 3 > MAX_PATH_BYTES && Buffer.byteLength(text) > MAX_PATH_BYTES;
}

/** As a walk goes: by UTF-8's bytes, "/" lower than all else. UTF-16's order differs beyond the basic plane only. */
function compareWalk(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const [a, b] = [left.charCodeAt(at), right.charCodeAt(at)];
    if (a === b) continue;
    if (a === SLASH || b === SLASH) return a === SLASH ? -1 : 1;
    if (a < SURROGATES && b < SURROGATES) return a - b;
    // From before, lest a pair be cut.
    const from = Math.max(0, at - 1);
    return Buffer.compare(Buffer.from(left.slice(from)), Buffer.from(right.slice(from)));
  }
  return left.length - right.length;
}
const SLASH = 0x2f;
const SURROGATES = 0xd800;

function refused(what: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `context refused: ${what}`);
}

function escape(what: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.PATH_ESCAPE, `context refused: ${what}`);
}

function tooMuch(what: string): EngineError {
  return new EngineError("resource_exhausted", ErrorCode.TAR_LIMIT, `context refused: ${what}`);
}

function sizeDiffers({ path, size, received }: Wanted): EngineError {
  return refused(`${path}: ${received} bytes came, ${size} were announced`);
}
