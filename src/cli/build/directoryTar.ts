import { createReadStream } from "node:fs";
import type { BigIntStats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { createIgnoreMatcher } from "#dockerfile";
import type { IgnoreMatcher, IgnoreVisit } from "#dockerfile";
import { fromDisplayPath, TAR_END, writeTarStream } from "#tar";
import type { TarHeader, TarMemberSource } from "#tar";
import { LinkFollower } from "./followPaths.ts";

const MODE = 0o7777n;
const NANO = 1_000_000_000n;
const WILDCARD = /[*?[\\]/;

/** Which part of a directory is wanted. */
export interface DirectoryWish {
  readonly followPaths?: readonly string[];
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
}

/** Names by their bytes, `/` before all others: that is by their parts. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Patterns of what is wanted, and whether something below a directory may be. */
class Includes {
  readonly #matcher: IgnoreMatcher | undefined;
  readonly #patterns: readonly (readonly string[])[];

  constructor(patterns: readonly string[]) {
    this.#matcher = patterns.length === 0 ? undefined : createIgnoreMatcher(patterns);
    this.#patterns = patterns.map((pattern) => pattern.replace(/^!/, "").split("/"));
  }

  wants(path: string): boolean {
    return this.#matcher?.ignores(path) ?? true;
  }

  mayWantBelow(path: string): boolean {
    if (this.#matcher === undefined || this.wants(path)) return true;
    const parts = path.split("/");
    return this.#patterns.some((pattern) => mayReach(pattern, parts));
  }
}

/** Names with wildcards are taken to match: looking in vain costs less than leaving something out. */
function mayReach(pattern: readonly string[], parts: readonly string[]): boolean {
  for (const [at, part] of parts.entries()) {
    const name = pattern[at];
    if (name === undefined) return false;
    if (name.includes("**")) return true;
    if (name !== part && !WILDCARD.test(name)) return false;
  }
  return pattern.length > parts.length;
}

class DirectoryPacker {
  readonly #root: string;
  readonly #includes: Includes;
  readonly #excludes: IgnoreMatcher;
  readonly #linked = new Map<string, string>();
  /** Directories that are told of when something in them is. */
  #pending: TarMemberSource[] = [];

  constructor(root: string, includes: readonly string[], excludes: readonly string[]) {
    this.#root = root;
    this.#includes = new Includes(includes);
    this.#excludes = createIgnoreMatcher(excludes);
  }

  async *below(folder: string, parent: IgnoreVisit | undefined): AsyncGenerator<TarMemberSource> {
    const names = await readdir(`${this.#root}/${folder}`);
    for (const name of names.sort(byBytes)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const visit = this.#excludes.visit(path, parent);
      const wanted = !visit.ignored && this.#includes.wants(path);
      yield* this.#entry(path, visit, wanted);
    }
  }

  async *#entry(path: string, visit: IgnoreVisit, wanted: boolean): AsyncGenerator<TarMemberSource> {
    const stat = await lstat(`${this.#root}/${path}`, { bigint: true });
    if (!stat.isDirectory()) {
      const member = wanted ? await this.#member(path, stat) : undefined;
      if (member !== undefined) yield* this.#withParents(member);
      return;
    }
    const directory = { header: { ...headerOf(path, stat), type: "directory" as const } };
    if (wanted) yield* this.#withParents(directory);
    const isClosed = visit.ignored && !this.#excludes.mayKeepBelow(path, visit);
    if (isClosed || !this.#includes.mayWantBelow(path)) return;
    if (!wanted) this.#pending.push(directory);
    yield* this.below(path, visit);
    if (!wanted) this.#pending = this.#pending.filter((one) => one !== directory);
  }

  *#withParents(member: TarMemberSource): Generator<TarMemberSource> {
    yield* this.#pending;
    this.#pending = [];
    yield member;
  }

  async #member(path: string, stat: BigIntStats): Promise<TarMemberSource | undefined> {
    const header = headerOf(path, stat);
    const file = `${this.#root}/${path}`;
    if (stat.isSymbolicLink())
      return { header: { ...header, type: "symlink", linkPath: fromDisplayPath(await readlink(file)) } };
    if (stat.isFIFO()) return { header: { ...header, type: "fifo" } };
    if (stat.isCharacterDevice()) return { header: { ...header, ...deviceNumbers(stat.rdev), type: "char" } };
    if (stat.isBlockDevice()) return { header: { ...header, ...deviceNumbers(stat.rdev), type: "block" } };
    // A socket is nothing without its program.
    if (!stat.isFile()) return undefined;
    const key = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1n ? this.#linked.get(key) : undefined;
    if (first !== undefined) return { header: { ...header, type: "hardlink", linkPath: fromDisplayPath(first) } };
    if (stat.nlink > 1n) this.#linked.set(key, path);
    const body = stat.size === 0n ? [] : createReadStream(file, { end: Number(stat.size) - 1, highWaterMark: 1 << 20 });
    return { header: { ...header, size: Number(stat.size) }, body };
  }
}

/** Owners are nobody's business: BuildKit's clients send none either. */
function headerOf(path: string, stat: BigIntStats): TarHeader {
  const seconds = stat.mtimeNs / NANO - (stat.mtimeNs % NANO < 0n ? 1n : 0n);
  return {
    path: fromDisplayPath(path),
    type: "file",
    mode: Number(stat.mode & MODE),
    uid: 0,
    gid: 0,
    mtimeSeconds: Number(seconds),
    mtimeNanoseconds: Number(stat.mtimeNs - seconds * NANO),
  };
}

function deviceNumbers(rdev: bigint): { readonly deviceMajor: number; readonly deviceMinor: number } {
  return {
    deviceMajor: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    deviceMinor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)),
  };
}

/** What is wanted of a directory as a tar: depth first, names in byte order. @throws {Error} of the file system */
export async function* directoryTar(root: string, wish: DirectoryWish): AsyncGenerator<Uint8Array> {
  const followed = wish.followPaths === undefined ? [] : await new LinkFollower(root).follow(wish.followPaths);
  const packer = new DirectoryPacker(root, [...wish.includes, ...followed], wish.excludes);
  yield* writeTarStream(packer.below("", undefined));
}

/** One file, as the tar of the directory that it is alone in. */
export async function* singleFileTar(name: string, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const header: TarHeader = {
    path: name,
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    size: bytes.byteLength,
  };
  yield* writeTarStream([{ header, body: [bytes] }]);
}

/** A directory with nothing in it. */
export async function* emptyTar(): AsyncGenerator<Uint8Array> {
  yield TAR_END;
}
