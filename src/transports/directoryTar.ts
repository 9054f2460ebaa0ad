import type { Stats } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { EngineError, ErrorCode } from "#errors";
import { toDisplayPath, writeTarStream } from "#tar";
import type { TarHeader, TarMemberSource } from "#tar";
import { readSpan, throwIfAborted } from "./fileSpan.ts";

/** What of a directory goes into a layer. */
export interface DirectoryTarOptions {
  /** Owner of everything; default 0:0. `keep`: as in the directory. */
  readonly owner?: { readonly uid: number; readonly gid: number } | "keep";
  /** Modification time of everything in seconds since 1970; default 0. `keep`: as in the directory, to the second. */
  readonly mtimeSeconds?: number | "keep";
  /** Where the directory's root lies in the image: `opt/app`; default its root. */
  readonly prefix?: string;
  /** False leaves a path (UTF-8, relative, without leading "/") out, and all below it. Default: everything. */
  readonly filter?: (path: string) => boolean;
  readonly signal?: AbortSignal | undefined;
}

const ENTRY_LIMIT = 5_000_000;

/**
 * A directory as the tar of a layer, the same bytes for the same content: names in byte order, owner and time as told, modes and
 * hard links within it kept. Extended attributes are not read. The directory must rest while it is read.
 * @throws {invalid_argument} for sockets and devices, and for files that change; {not_found} when it is no directory
 */
export function tarOfDirectory(directory: string, options: DirectoryTarOptions = {}): AsyncIterable<Uint8Array> {
  return writeTarStream(membersOf(directory, options));
}

interface Found {
  /** As the kernel takes it. */
  readonly at: Buffer;
  /** In the tar: clean latin1; "" is the root. */
  readonly path: string;
  /** Below the directory, latin1. */
  readonly below: string;
}

async function* membersOf(
  directory: string,
  options: DirectoryTarOptions,
): AsyncGenerator<TarMemberSource, void, void> {
  const { filter = () => true, signal } = options;
  const prefix = Buffer.from((options.prefix ?? "").replace(/^\/+|\/+$/g, ""), "utf8").toString("latin1");
  const firstNames = new Map<string, string>();
  const stack: Found[] = [{ at: Buffer.from(directory), path: prefix, below: "" }];
  yield* parentsOf(prefix, options);
  let count = 0;
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    throwIfAborted(signal);
    count += 1;
    if (count > ENTRY_LIMIT) throw refused(next, `more than ${ENTRY_LIMIT} entries`);
    const stat = await lstat(next.at);
    if (next.below === "" && !stat.isDirectory()) throw notDirectory(directory);
    if (stat.isDirectory()) stack.push(...(await childrenOf(next, filter)));
    if (next.path !== "") yield await memberOf(next, stat, { ...options, firstNames });
  }
}

/** `opt/app` → `opt`. */
function* parentsOf(prefix: string, options: DirectoryTarOptions): Generator<TarMemberSource, void, void> {
  const parts = prefix.split("/").slice(0, -1);
  for (const index of parts.keys()) {
    const time = options.mtimeSeconds === "keep" ? 0 : (options.mtimeSeconds ?? 0);
    const path = parts.slice(0, index + 1).join("/");
    yield { header: { path, type: "directory", mode: 0o755, mtimeSeconds: time } };
  }
}

/** Last name first, as a stack wants it. */
async function childrenOf({ at, path, below }: Found, filter: (path: string) => boolean): Promise<Found[]> {
  const names = await readdir(at, { encoding: "buffer" });
  return names
    .sort((a, b) => Buffer.compare(b, a))
    .map((name) => {
      const text = name.toString("latin1");
      return {
        at: Buffer.concat([at, Buffer.from("/"), name]),
        path: path === "" ? text : `${path}/${text}`,
        below: below === "" ? text : `${below}/${text}`,
      };
    })
    .filter((child) => filter(toDisplayPath(child.below)));
}

async function memberOf(
  found: Found,
  stat: Stats,
  options: DirectoryTarOptions & { readonly firstNames: Map<string, string> },
): Promise<TarMemberSource> {
  const header = { path: found.path, ...attributesOf(stat, options) };
  if (stat.isDirectory()) return { header: { ...header, type: "directory" } };
  if (stat.isSymbolicLink()) {
    const target = await readlink(found.at, { encoding: "buffer" });
    return { header: { ...header, mode: 0o777, type: "symlink", linkPath: target.toString("latin1") } };
  }
  if (stat.isFIFO()) return { header: { ...header, type: "fifo" } };
  if (!stat.isFile()) throw refused(found, "is a socket or a device");
  const inode = `${stat.dev}:${stat.ino}`;
  const first = stat.nlink > 1 ? options.firstNames.get(inode) : undefined;
  if (first !== undefined) return { header: { ...header, type: "hardlink", linkPath: first } };
  options.firstNames.set(inode, found.path);
  return { header: { ...header, type: "file", size: stat.size }, body: bytesOf(found, stat.size, options.signal) };
}

function attributesOf(stat: Stats, { owner, mtimeSeconds = 0 }: DirectoryTarOptions): Omit<TarHeader, "path" | "type"> {
  const { uid, gid } = owner === "keep" ? stat : (owner ?? { uid: 0, gid: 0 });
  const time = mtimeSeconds === "keep" ? Math.floor(stat.mtimeMs / 1000) : mtimeSeconds;
  return { mode: stat.mode & 0o7777, uid, gid, mtimeSeconds: time };
}

async function* bytesOf(
  found: Found,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  await using file = await open(found.at, "r");
  if ((await file.stat()).size !== size) throw refused(found, "changed while it was read");
  yield* readSpan({ file, offset: 0, size }, { signal });
}

function refused({ below }: Found, why: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `${JSON.stringify(toDisplayPath(below))} ${why}`);
}

function notDirectory(directory: string): EngineError {
  return new EngineError("not_found", ErrorCode.ARCHIVE_NOT_FOUND, `${directory}: not a directory`);
}
