import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, rename, rm, symlink } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { NodeState } from "#analysis";
import type { ImageTree, LayerEntry, OpenImage, TreeView } from "#analysis";
import { EngineError, ErrorCode } from "#errors";
import { baseNameOf, toDisplayPath } from "#tar";
import { fileProblem } from "../options/fileProblem.ts";

/** What is taken out of an image, and where it goes. */
export interface Extraction {
  readonly image: Pick<OpenImage, "readFile">;
  readonly tree: ImageTree;
  readonly view: TreeView;
  readonly node: number;
  /** As typed: a directory that exists gets the name in it; `~/` is the home directory. */
  readonly destination: string;
  readonly mayOverwrite: boolean;
  readonly signal: AbortSignal;
}

export interface Extracted {
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
  /** Devices and FIFOs, which are not made. */
  readonly leftOut: number;
}

/** Setuid, setgid and sticky are not taken along: the file belongs to somebody else now. */
const PERMISSIONS = 0o777;
const PRIVATE_DIRECTORY = 0o700;
const OWNER_ACCESS = 0o700;
/** A file that must not be there yet; never through a link. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

const isDirectoryAt = async (path: string): Promise<boolean> =>
  (await lstat(`${path}/.`).catch(() => undefined))?.isDirectory() === true;

async function resolveDestination(text: string, name: string): Promise<string> {
  const home = process.env["HOME"] ?? "";
  const path = text.startsWith("~/") && home !== "" ? home + text.slice(1) : text;
  return path.endsWith("/") || (await isDirectoryAt(path)) ? `${path.replace(/\/+$/, "")}/${name}` : path;
}

function named(directory: Buffer, name: string): Buffer {
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name)) {
    throw new EngineError("invalid_argument", ErrorCode.PATH_ESCAPE, `${JSON.stringify(name)} is no file name`);
  }
  return Buffer.concat([directory, Buffer.from("/"), Buffer.from(name, "latin1")]);
}

/** Links are made when all files are: nothing is ever written through one. */
interface Link {
  readonly path: Buffer;
  readonly target: Buffer;
}

class Extractor {
  files = 0;
  bytes = 0;
  leftOut = 0;
  readonly #job: Extraction;
  readonly #links: Link[] = [];
  readonly #directories: { readonly path: Buffer; readonly mode: number }[] = [];

  constructor(job: Extraction) {
    this.#job = job;
  }

  async run(path: Buffer): Promise<void> {
    await this.#take(this.#job.node, path);
    for (const { path, target } of this.#links) await symlink(target, path);
    for (const { path, mode } of this.#directories.toReversed()) await chmod(path, mode);
  }

  async #take(node: number, path: Buffer): Promise<void> {
    const { tree, view, signal } = this.#job;
    signal.throwIfAborted();
    const entry = view.entryOf(node);
    if (entry === undefined || entry.type === "directory") {
      await mkdir(path, PRIVATE_DIRECTORY);
      this.#directories.push({ path, mode: ((entry?.mode ?? 0o755) & PERMISSIONS) | OWNER_ACCESS });
      for (const child of tree.childrenOf(node)) {
        if (this.#isWanted(child)) await this.#take(child, named(path, tree.nameOf(child)));
      }
      return;
    }
    if (entry.type === "symlink") this.#links.push({ path, target: Buffer.from(entry.target ?? "", "latin1") });
    else if (entry.type === "file") await this.#write(node, entry, path);
    else this.leftOut += 1;
  }

  /** What a layer removed is part of a directory only when that was removed itself. */
  #isWanted(node: number): boolean {
    const { view } = this.#job;
    const state = view.stateOf(node);
    if (state === NodeState.absent) return false;
    return state !== NodeState.removed || view.stateOf(this.#job.node) === NodeState.removed;
  }

  async #write(node: number, entry: LayerEntry, path: Buffer): Promise<void> {
    const { image, view, signal } = this.#job;
    await using file = await open(path, NEW_FILE, entry.mode & PERMISSIONS);
    try {
      for await (const chunk of image.readFile(view.layerOf(node), entry.path, { signal })) {
        await file.writeFile(chunk);
        this.bytes += chunk.length;
      }
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    this.files += 1;
  }
}

async function extractOver(extractor: Extractor, path: string): Promise<void> {
  if ((await lstat(path)).isFile()) {
    const temporary = `${path}.${randomBytes(6).toString("hex")}`;
    try {
      await extractor.run(Buffer.from(temporary));
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return;
  }
  throw new EngineError("already_exists", ErrorCode.BAD_REQUEST, `${path} is no regular file: it stays as it is`);
}

/**
 * Writes a file, or a directory with all that is in it, as the view shows it. Owners are not set, devices not made; nothing
 * outside of the destination is touched.
 * @throws {already_exists} when something is there and may not be overwritten; only a regular file ever is, by a file
 */
export async function extract(job: Extraction): Promise<Extracted> {
  const entry = job.view.entryOf(job.node);
  const name = toDisplayPath(baseNameOf(job.tree.pathOf(job.node)));
  const path = await resolveDestination(job.destination.trim(), name);
  const extractor = new Extractor(job);
  try {
    const isThere = (await lstat(path).catch(() => undefined)) !== undefined;
    if (isThere && !(job.mayOverwrite && entry?.type === "file")) {
      throw new EngineError("already_exists", ErrorCode.BAD_REQUEST, `${path} exists`);
    }
    if (isThere) await extractOver(extractor, path);
    else await extractor.run(Buffer.from(path));
  } catch (error) {
    if (error instanceof Error && "syscall" in error) {
      throw new EngineError("failed_precondition", ErrorCode.BAD_REQUEST, fileProblem(error, "write", path), {
        cause: error,
      });
    }
    throw error;
  }
  const { files, bytes, leftOut } = extractor;
  return { path, files, bytes, leftOut };
}
