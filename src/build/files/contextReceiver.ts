import { hash } from "node:crypto";
import { EngineError, ErrorCode } from "#errors";
import { parentOf } from "#tar";
import type { ContextChannel } from "./contextChannel.ts";
import type { ContextEntry, ContextReceiver } from "./contextDirectory.ts";
import type { ContextOperation, DirectoryTime, EntryFacts } from "./contextOperations.ts";

const MAX_ENTRIES = 2_000_000;
const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;
const MAX_XATTR_BYTES = 1 << 16;
/** linux/stat.h */
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_IFSOCK = 0o140000;
const NODES: ReadonlySet<number> = new Set([0o020000, 0o060000, 0o010000]);

/** Path → all that tells whether an entry is still the same. */
export type ContextList = ReadonlyMap<string, string>;

/** Equal to what no entry has. */
const UNKNOWN = "?";

interface Wanted {
  readonly path: string;
  readonly size: number;
  readonly facts: EntryFacts;
  received: number;
}

/**
 * Takes a directory from a client, who is not trusted: order, names and what leads where are checked, an entry that is
 * the same as in the list of what is here is not asked for. Nothing happens on disk until something differs.
 */
export class CheckedReceiver implements ContextReceiver {
  readonly #channel: ContextChannel;
  readonly #previous: ContextList;
  readonly #before: readonly ContextOperation[];
  readonly #list = new Map<string, string>();
  readonly #directories: DirectoryTime[] = [];
  /** Directories that may still get entries, outermost first. */
  readonly #trail: string[] = [""];
  readonly #links: ContextOperation[] = [];
  readonly #files = new Map<number, Wanted>();
  #last: string | undefined;
  #count = 0;
  #bytes = 0;
  #isChanged = false;

  /** `before` is done first when something differs. */
  constructor(channel: ContextChannel, previous: ContextList, before: readonly ContextOperation[]) {
    this.#channel = channel;
    this.#previous = previous;
    this.#before = before;
  }

  /** Something differs from what was here. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  get list(): ContextList {
    return this.#list;
  }

  /** Sum of the sizes of regular files. */
  get bytes(): number {
    return this.#bytes;
  }

  entry(entry: ContextEntry): boolean {
    const index = this.#count;
    this.#count += 1;
    this.#check(entry);
    const signature = signatureOf(entry);
    const isSame = this.#previous.get(entry.path) === signature;
    this.#list.set(entry.path, signature);
    const type = entry.mode & S_IFMT;
    if (type === S_IFDIR) {
      this.#trail.push(entry.path);
      this.#directories.push({ path: entry.path, modifiedAt: entry.modifiedAt });
    }
    const isFile = type === S_IFREG && entry.linkname === "";
    if (isFile) this.#bytes += entry.size;
    if (isSame) return false;
    if (!isFile) {
      const operation = operationOf(entry, type);
      // The file that a link is another name of is there when its bytes have come.
      if (operation?.kind === "hardlink") this.#links.push(operation);
      else if (operation !== undefined) this.#do(operation);
      return false;
    }
    this.#files.set(index, { path: entry.path, size: entry.size, facts: factsOf(entry), received: 0 });
    this.#do({ kind: "open", index, path: entry.path, facts: factsOf(entry) });
    return true;
  }

  async write(index: number, chunk: Uint8Array): Promise<void> {
    const file = this.#wanted(index);
    file.received += chunk.length;
    this.#channel.write(index, chunk);
    await this.#channel.ready();
  }

  async end(index: number): Promise<void> {
    const file = this.#wanted(index);
    // One that grew or shrank since it was announced is what came of it, as in BuildKit; and is asked for again next time.
    if (file.received !== file.size) this.#list.set(file.path, UNKNOWN);
    this.#files.delete(index);
    this.#do({ kind: "close", index, facts: file.facts });
    await this.#channel.ready();
  }

  /** All entries have come. @throws {invalid_argument} when a file is not whole */
  finish(): void {
    const [missing] = this.#files.values();
    if (missing !== undefined) throw sizeDiffers(missing);
    for (const operation of this.#links) this.#do(operation);
    // Below what is a directory now: what else was removed went with its directory, and a path must not lead elsewhere.
    const directories = new Set(["", ...this.#directories.map(({ path }) => path)]);
    for (const path of this.#previous.keys()) {
      if (!this.#list.has(path) && directories.has(parentOf(path))) this.#do({ kind: "remove", path });
    }
    // An empty context is one, too.
    if (!this.#isChanged && this.#previous.size > 0) return;
    this.#begin();
    this.#channel.add({ kind: "finish", directories: this.#directories, list: encodeList(this.#list) });
  }

  #do(operation: ContextOperation): void {
    this.#begin();
    this.#channel.add(operation);
  }

  #begin(): void {
    if (this.#isChanged) return;
    this.#isChanged = true;
    for (const operation of this.#before) this.#channel.add(operation);
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
    if (Buffer.byteLength(path) > MAX_PATH_BYTES || Buffer.byteLength(linkname) > MAX_PATH_BYTES) {
      throw tooMuch(`the name ${JSON.stringify(`${path.slice(0, MAX_NAME_BYTES)}…`)} is too long`);
    }
    if (linkname.includes("\0")) throw refused(`the target of ${JSON.stringify(path)} holds a NUL`);
    // As a walk goes: "/" is lower than all else.
    const order = path.replaceAll("/", "\0");
    if (this.#last !== undefined && compareBytes(this.#last, order) >= 0) throw refused(`${path} is out of order`);
    this.#last = order;
    const parent = parentOf(path);
    while (this.#trail.length > 1 && this.#trail.at(-1) !== parent) this.#trail.pop();
    if (this.#trail.at(-1) !== parent) throw escape(`${path} comes without its directory`);
    if ((entry.mode & S_IFMT) === S_IFREG && linkname !== "" && !this.#list.has(linkname)) {
      throw escape(`${path} is a link to ${linkname}, which did not come before`);
    }
    if (entry.size < 0 || !Number.isSafeInteger(entry.size)) throw refused(`${path} has no valid size`);
    let xattrBytes = 0;
    for (const [name, value] of entry.xattrs) xattrBytes += name.length + value.length;
    if (xattrBytes > MAX_XATTR_BYTES) throw tooMuch(`${path} has too many attributes`);
  }
}

function operationOf(entry: ContextEntry, type: number): ContextOperation | undefined {
  const { path, linkname } = entry;
  if (type === S_IFDIR) return { kind: "directory", path, facts: factsOf(entry) };
  if (type === S_IFLNK) return { kind: "symlink", path, target: linkname, facts: factsOf(entry) };
  if (type === S_IFREG) return { kind: "hardlink", path, target: linkname };
  if (NODES.has(type)) {
    return { kind: "node", path, major: entry.deviceMajor, minor: entry.deviceMinor, facts: factsOf(entry) };
  }
  if (type === S_IFSOCK) return undefined;
  throw refused(`${path} is of no known type`);
}

function factsOf({ mode, uid, gid, modifiedAt, xattrs }: ContextEntry): EntryFacts {
  return { mode, uid, gid, modifiedAt, xattrs };
}

function isCleanPath(path: string): boolean {
  return path !== "" && !/(?:^|\/)\.{0,2}(?:\/|$)|\0/.test(path);
}

/** UTF-8's byte order is that of code points; UTF-16's differs only beyond the basic plane. */
function compareBytes(left: string, right: string): number {
  if (left === right) return 0;
  const isPlain = !/[\ud800-\uffff]/.test(left) && !/[\ud800-\uffff]/.test(right);
  if (isPlain) return left < right ? -1 : 1;
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** No NUL in it, and the only text of free form last. */
function signatureOf(entry: ContextEntry): string {
  const { mode, uid, gid, size, modifiedAt, deviceMajor, deviceMinor, linkname } = entry;
  const xattrs = entry.xattrs.size === 0 ? "" : digestXattrs(entry.xattrs);
  return `${mode} ${uid} ${gid} ${size} ${modifiedAt} ${deviceMajor} ${deviceMinor} ${xattrs} ${linkname}`;
}

function digestXattrs(xattrs: ReadonlyMap<string, Uint8Array>): string {
  const parts = Array.from(xattrs, ([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`);
  return hash("sha256", parts.sort().join("\n"), "hex");
}

function encodeList(list: ContextList): string {
  const parts: string[] = [];
  for (const [path, signature] of list) parts.push(path, signature);
  return parts.join("\0");
}

/** Reads what a finished context's list says. */
export function decodeList(text: string): ContextList {
  const parts = text === "" ? [] : text.split("\0");
  const list = new Map<string, string>();
  for (let at = 0; at + 1 < parts.length; at += 2) list.set(parts[at] ?? "", parts[at + 1] ?? "");
  return list;
}

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
