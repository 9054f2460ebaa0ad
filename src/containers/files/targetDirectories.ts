import { closeSync, constants, mkdirSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import { isErrno, openConfined } from "#host";
import { toDisplayPath } from "#tar";
import { withGoWords } from "./goError.ts";
import { fdPath, pathAt } from "./openFile.ts";

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;
const IMPLIED_MODE = 0o755;

/**
 * The directories below the one that an archive is unpacked into. They are opened from its fd, without following a link;
 * where a link leads elsewhere in the container, as an archive may have made it itself, from the container's root.
 */
export class TargetDirectories implements Disposable {
  /** Path of the target in the container, links resolved; latin1. */
  readonly where: string;
  readonly #root: number;
  readonly #target: number;
  /** Neighbours in an archive share their directory. */
  #last: { readonly path: string; readonly fd: number } | undefined;

  /** Both fds stay the caller's. */
  constructor(root: number, target: number) {
    this.#root = root;
    this.#target = target;
    // The root of the fd's own mount namespace is the container's.
    this.where = readlinkSync(fdPath(target), "latin1");
  }

  /** A directory by its path from the target, "" itself; `make`: with those that are not there. Stays ours. */
  open(path: string, make: boolean): number {
    if (path === "") return this.#target;
    if (this.#last?.path === path) return this.#last.fd;
    this.forget();
    this.#last = { path, fd: this.#openNew(path, make) };
    return this.#last.fd;
  }

  /** As `open`, for the caller to close. Nothing is made. */
  openApart(path: string): number {
    return this.#openNew(path === "" ? "." : path, false);
  }

  /** What was opened may not be there any more. */
  forget(): void {
    if (this.#last !== undefined) closeSync(this.#last.fd);
    this.#last = undefined;
  }

  [Symbol.dispose](): void {
    this.forget();
  }

  #openNew(path: string, make: boolean): number {
    const shown = toDisplayPath(posix.join(this.where, path));
    return withGoWords("mkdir", shown, () => {
      try {
        return this.#find(path);
      } catch (error) {
        if (!make || !isErrno(error, "ENOENT") || path === "." || path === "") throw error;
      }
      const parent = posix.dirname(path);
      const above = parent === "." ? this.openApart("") : this.#openNew(parent, true);
      try {
        mkdirSync(pathAt(above, posix.basename(path)), { mode: IMPLIED_MODE });
      } finally {
        closeSync(above);
      }
      return this.#find(path);
    });
  }

  #find(path: string): number {
    try {
      return openConfined(this.#target, Buffer.from(path, "latin1"), DIRECTORY, "beneath");
    } catch (error) {
      if (!isErrno(error, "ELOOP")) throw error;
      return openConfined(this.#root, Buffer.from(posix.join(this.where, path), "latin1"), DIRECTORY, "root");
    }
  }
}
