import { readFileSync, writeFileSync } from "node:fs";
import { isErrno } from "#host";
import type { SnapshotDirectories } from "./directories.ts";

/**
 * The file `overlay2/<id>/committed` says that a driver has finished its slow work for a layer, and which driver: under
 * another one the work is done anew.
 */
export class PreparedMarks {
  readonly #directories: SnapshotDirectories;
  readonly #driver: string;
  readonly #known = new Set<string>();

  constructor(directories: SnapshotDirectories, driver: string) {
    this.#directories = directories;
    this.#driver = driver;
  }

  has(id: string): boolean {
    if (!this.#known.has(id) && this.#read(id) === this.#driver) this.#known.add(id);
    return this.#known.has(id);
  }

  put(id: string): void {
    writeFileSync(this.#directories.at(id, "committed"), this.#driver);
    this.#known.add(id);
  }

  forget(id: string): void {
    this.#known.delete(id);
  }

  #read(id: string): string | undefined {
    try {
      return readFileSync(this.#directories.at(id, "committed"), "utf8");
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  }
}
