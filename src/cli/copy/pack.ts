import { createReadStream } from "node:fs";
import type { BigIntStats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import type { TarEntryType, TarHeader, TarMemberSource } from "#tar";
import { fileProblem } from "../options/fileProblem.ts";
import { splitEntry } from "./paths.ts";
import { renamed } from "./plan.ts";
import type { CopyInfo, CopyPlan } from "./plan.ts";

const MODE = 0o7777n;

/** Paths are bytes, one a character, as in the archive. */
const onDisk = (path: string): Buffer => Buffer.from(path, "latin1");
const toBytes = (path: string): string => Buffer.from(path).toString("latin1");

function typeOf(stat: BigIntStats): TarEntryType | undefined {
  if (stat.isDirectory()) return "directory";
  if (stat.isFile()) return "file";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isFIFO()) return "fifo";
  if (stat.isCharacterDevice()) return "char";
  // A socket is nothing without its program.
  return stat.isBlockDevice() ? "block" : undefined;
}

function deviceNumbers(rdev: bigint): { readonly deviceMajor: number; readonly deviceMinor: number } {
  return {
    deviceMajor: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    deviceMinor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)),
  };
}

const below = (folder: string, name: string): string => (folder.endsWith("/") ? folder + name : `${folder}/${name}`);

class Packer {
  readonly #plan: CopyPlan;
  /** First names of files that have several. */
  readonly #linked = new Map<string, string>();

  constructor(plan: CopyPlan) {
    this.#plan = plan;
  }

  async *entries(path: string, name: string): AsyncGenerator<TarMemberSource> {
    const stat = await lstat(onDisk(path), { bigint: true });
    const type = typeOf(stat);
    if (type === undefined) return;
    const shown = renamed(name, this.#plan.rename);
    yield* this.#member(path, shown, { stat, type });
    if (type !== "directory") return;
    const children = await readdir(onDisk(path), { encoding: "latin1" });
    for (const child of children.sort()) {
      yield* this.entries(below(path, child), below(name, child));
    }
  }

  async *#member(
    path: string,
    name: string,
    about: { readonly stat: BigIntStats; readonly type: TarEntryType },
  ): AsyncGenerator<TarMemberSource> {
    const { stat, type } = about;
    const header: TarHeader = {
      path: name,
      type,
      mode: Number(stat.mode & MODE),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      // Whole seconds, as Docker's client sends them.
      mtimeSeconds: Number(stat.mtimeMs / 1000n),
    };
    const first = type === "file" && stat.nlink > 1n ? this.#firstName(stat, name) : undefined;
    if (first !== undefined) yield { header: { ...header, type: "hardlink", linkPath: first } };
    else if (type === "symlink") yield { header: { ...header, linkPath: toBytes(await readlink(onDisk(path))) } };
    else if (type === "char" || type === "block") yield { header: { ...header, ...deviceNumbers(stat.rdev) } };
    else if (type === "file") yield { header: { ...header, size: Number(stat.size) }, body: bodyOf(path, stat.size) };
    else yield { header };
  }

  #firstName(stat: BigIntStats, name: string): string | undefined {
    const key = `${stat.dev}:${stat.ino}`;
    const first = this.#linked.get(key);
    if (first === undefined) this.#linked.set(key, name);
    return first;
  }
}

/** What the header promised: a file that grows while it is read is cut. */
function bodyOf(path: string, size: bigint): AsyncIterable<Uint8Array> | readonly Uint8Array[] {
  return size === 0n ? [] : createReadStream(onDisk(path), { end: Number(size) - 1 });
}

/** A local file or directory as members of an archive, children in order of their names. @throws {Error} */
export async function* packLocal(source: CopyInfo, plan: CopyPlan): AsyncGenerator<TarMemberSource> {
  const { folder, name } = splitEntry(source.path);
  const path = name === "." || name === "/" ? folder : below(folder, name);
  const shown = source.rebase === "" ? name : source.rebase;
  try {
    yield* new Packer(plan).entries(toBytes(path), toBytes(shown));
  } catch (error) {
    if (error instanceof Error && "syscall" in error) {
      throw new Error(fileProblem(error, String(error.syscall), source.path), { cause: error });
    }
    throw error;
  }
}
