import { closeSync, fstatSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import { bindMount, isErrno, openBeneath, unmount } from "#host";

/**
 * Places within volumes and images, held by a mount of their own at `<exec root>/mounts/<container>/<n>`: a rename or symlink
 * that comes later, from within another container, leads nowhere.
 */
export class Pins {
  readonly #root: string;

  /** `root`: `<exec root>/mounts`. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Pins what is at `subpath` below `base`. Resolves with the mount's path. @throws in Docker's words */
  async pin(
    container: string,
    number: number,
    place: { readonly base: string; readonly subpath: string },
  ): Promise<string> {
    const fd = open(place.base, place.subpath);
    try {
      const target = join(this.#root, container, String(number));
      mkdirSync(join(this.#root, container), { recursive: true, mode: 0o700 });
      await this.#drop(target);
      if (fstatSync(fd).isDirectory()) mkdirSync(target, { mode: 0o700 });
      else writeFileSync(target, "", { mode: 0o600 });
      await bindMount({ source: `/proc/self/fd/${fd}`, target });
      return target;
    } finally {
      closeSync(fd);
    }
  }

  /** Lets go what was pinned for a container. Idempotent. */
  async release(container: string): Promise<void> {
    const folder = join(this.#root, container);
    for (const name of await namesIn(folder)) await this.#drop(join(folder, name));
    rmSync(folder, { recursive: true, force: true });
  }

  /** Lets go what was pinned for others than these. */
  async sweep(living: ReadonlySet<string>): Promise<void> {
    for (const container of await namesIn(this.#root)) if (!living.has(container)) await this.release(container);
  }

  /** Never recursive: what is still mounted there is somebody's data. */
  async #drop(target: string): Promise<void> {
    while (await unmount(target, { lazy: true }));
    try {
      rmdirSync(target);
    } catch (error) {
      if (isErrno(error, "ENOTDIR")) rmSync(target);
      else if (!isErrno(error, "ENOENT")) throw error;
    }
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

function open(base: string, subpath: string): number {
  try {
    return openBeneath(base, subpath);
  } catch (error) {
    const path = join(base, subpath);
    if (isErrno(error, "ENOENT")) {
      const message = `cannot access path ${path}: lstat ${path}: no such file or directory`;
      throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message, { cause: error });
    }
    if (!isErrno(error, "EXDEV")) throw error;
    const message = `path concatenation escapes the base directory, base: ${base}, subpath: ${subpath}`;
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message, { cause: error });
  }
}
