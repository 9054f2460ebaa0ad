import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** A file under `layers/tmp`: removed when disposed, unless it was renamed away. */
export interface Temporary extends AsyncDisposable {
  readonly path: string;
}

/** Where unfinished layer files live. */
export class Temporaries {
  readonly #directory: string;
  readonly #freeing = new Set<Promise<void>>();

  constructor(root: string) {
    this.#directory = join(root, "tmp");
  }

  /** Makes the directory and removes what an earlier process left in it. */
  async sweep(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#directory)) await rm(join(this.#directory, name), { force: true });
  }

  async create(): Promise<Temporary> {
    const path = join(this.#directory, randomUUID());
    const file = await open(path, "wx", 0o600);
    await file.close();
    return { path, [Symbol.asyncDispose]: () => rm(path, { force: true }) };
  }

  /**
   * Takes a file away at once and frees its space in the background: unlinking a gigabyte that is in the page cache takes a
   * tenth of a second, and nobody need wait for it. A file that is not there is no error.
   */
  async discard(path: string): Promise<void> {
    const hidden = join(this.#directory, randomUUID());
    try {
      await rename(path, hidden);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      throw error;
    }
    const freed = rm(hidden, { force: true })
      .catch(() => undefined) // what stays is swept at the next open
      .finally(() => this.#freeing.delete(freed));
    this.#freeing.add(freed);
  }

  /** Resolves when everything discarded is gone from the disk. */
  async settle(): Promise<void> {
    await Promise.all(this.#freeing);
  }
}
