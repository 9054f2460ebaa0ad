import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** A file under `layers/tmp`: removed when disposed, unless it was renamed away. */
export interface Temporary extends AsyncDisposable {
  readonly path: string;
}

/** Where unfinished layer files live. */
export class Temporaries {
  readonly #directory: string;

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
}
