import { spawnSync } from "node:child_process";
import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { chmod, link, lstat, lutimes, mkdir, open, rm, symlink, utimes } from "node:fs/promises";
import { dirname, join, normalize } from "node:path/posix";
import type { TarEntry, TarMember } from "#tar";
import { goQuote } from "#gotext";
import { fileProblem } from "../options/fileProblem.ts";
import { renamed } from "./plan.ts";
import type { CopyPlan } from "./plan.ts";

/** Paths are bytes, one a character, as in the archive. */
const onDisk = (path: string): Buffer => Buffer.from(path, "latin1");
const shown = (path: string): string => goQuote(onDisk(path).toString());
const OWNER_ALL = 0o700;
const NEW_FOLDER = 0o755;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

const isInside = (path: string, folder: string): boolean =>
  folder === "/" || path === folder || path.startsWith(`${folder}/`);

interface LaterFolder {
  readonly path: string;
  readonly entry: TarEntry;
}

/**
 * Extracts below one directory, whatever the archive says: names are confined, no link that it made or found on the way is
 * followed, what is replaced is removed first.
 */
class Unpacker {
  readonly #root: string;
  readonly #rename: CopyPlan["rename"];
  readonly #links: CopyPlan["links"];
  readonly #folders: LaterFolder[] = [];
  /** Directories below the root that are known to be none but directories. */
  readonly #plain = new Set<string>();

  constructor(plan: CopyPlan) {
    const root = normalize(Buffer.from(plan.folder).toString("latin1"));
    this.#root = root.length > 1 ? root.replace(/\/(?:\.)?$/, "") : root;
    this.#links = plan.links;
    const bytes = (text: string): string => Buffer.from(text).toString("latin1");
    this.#rename = plan.rename && { from: bytes(plan.rename.from), to: bytes(plan.rename.to) };
  }

  async add({ entry, body }: TarMember): Promise<void> {
    const path = this.#confine(renamed(entry.path, this.#rename), entry.path);
    await this.#parents(dirname(path));
    if (path === this.#root) return;
    await this.#makeRoom(path, entry.type === "directory");
    await this.#make(path, entry, body);
    if (entry.type === "directory") this.#folders.push({ path, entry });
    else if (entry.type !== "hardlink") await this.#settle(path, entry);
  }

  /** Directories get their mode and time last: until then things are put into them. */
  async finish(): Promise<void> {
    for (const { path, entry } of this.#folders.toReversed()) await this.#settle(path, entry);
  }

  #confine(name: string, written: string): string {
    const path = join(this.#root, name);
    const short = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    if (isInside(short, this.#root)) return short;
    throw new Error(`${shown(written)} is outside of ${shown(this.#root)}`);
  }

  async #parents(folder: string): Promise<void> {
    if (!isInside(folder, this.#root) || folder === this.#root || this.#plain.has(folder)) return;
    await this.#parents(dirname(folder));
    const stat = await statOf(folder);
    if (stat === undefined) await mkdir(onDisk(folder), NEW_FOLDER);
    else if (!stat.isDirectory()) throw new Error(`${shown(folder)} is not a directory, nothing is put behind it`);
    this.#plain.add(folder);
  }

  async #makeRoom(path: string, isFolder: boolean): Promise<void> {
    const stat = await statOf(path);
    if (stat === undefined || (stat.isDirectory() && isFolder)) return;
    if (stat.isDirectory()) {
      throw new Error(`cannot overwrite directory ${shown(path)} with non-directory ${shown(this.#root)}`);
    }
    if (isFolder) throw new Error(`cannot overwrite non-directory ${shown(path)} with directory ${shown(this.#root)}`);
    await rm(onDisk(path));
  }

  async #make(path: string, entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<void> {
    switch (entry.type) {
      case "directory":
        // A directory that we may not write to would refuse its own content.
        if ((await statOf(path)) === undefined) await mkdir(onDisk(path), entry.mode | OWNER_ALL);
        this.#plain.add(path);
        return;
      case "file":
        return writeFile(path, entry, body);
      case "symlink":
        return this.#symlink(path, entry.linkPath);
      case "hardlink":
        return this.#hardLink(path, entry.linkPath);
      case "fifo":
      case "char":
      case "block":
        return makeNode(path, entry.type, entry);
    }
  }

  async #symlink(path: string, target: string): Promise<void> {
    if (this.#links !== "anywhere" && !isInside(join(dirname(path), target), this.#root)) {
      throw new Error(`invalid symlink ${shown(path)} -> ${shown(target)}`);
    }
    await symlink(onDisk(target), onDisk(path));
  }

  async #hardLink(path: string, name: string): Promise<void> {
    const target = join(this.#root, renamed(name, this.#rename));
    if (!isInside(target, this.#root)) throw new Error(`invalid hardlink ${shown(target)} -> ${shown(name)}`);
    await this.#parents(dirname(target));
    await link(onDisk(target), onDisk(path));
  }

  async #settle(path: string, entry: TarEntry): Promise<void> {
    const seconds = Math.max(0, entry.mtimeSeconds + entry.mtimeNanoseconds / 1e9);
    if (entry.type === "symlink") return lutimes(onDisk(path), seconds, seconds);
    await chmod(onDisk(path), entry.mode);
    await utimes(onDisk(path), seconds, seconds);
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(onDisk(path));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function writeFile(path: string, entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<void> {
  await using file = await open(onDisk(path), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, entry.mode | 0o600);
  for await (const bytes of body) {
    let at = 0;
    while (at < bytes.byteLength) at += (await file.write(bytes, at)).bytesWritten;
  }
}

const NODE_TYPES = { fifo: "p", char: "c", block: "b" } as const;

/** Node has no mknod of its own. */
function makeNode(path: string, type: keyof typeof NODE_TYPES, entry: TarEntry): void {
  const numbers = type === "fifo" ? [] : [String(entry.deviceMajor), String(entry.deviceMinor)];
  const name = onDisk(path).toString();
  const made = spawnSync("mknod", [name, NODE_TYPES[type], ...numbers], { stdio: ["ignore", "ignore", "pipe"] });
  if (made.status !== 0) throw new Error(`mknod ${name}: ${made.stderr.toString().trim().split(": ").at(-1) ?? ""}`);
}

/** Extracts members as a plan says. Owners are ours. @throws {Error} in Docker's words. */
export async function unpackLocal(members: AsyncIterable<TarMember>, plan: CopyPlan): Promise<void> {
  const unpacker = new Unpacker(plan);
  try {
    for await (const member of members) await unpacker.add(member);
    await unpacker.finish();
  } catch (error) {
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
    const path = "path" in error && (typeof error.path === "string" || Buffer.isBuffer(error.path)) ? error.path : "";
    throw new Error(fileProblem(error, String(error.syscall), String(path)), { cause: error });
  }
}
