import { readFileSync, writeFileSync } from "node:fs";
import { bootId, isErrno, syncFilesystem } from "#host";
import type { SnapshotDirectories } from "./directories.ts";

const SETTLE_DELAY_MS = 2000;

/**
 * The file `overlay2/<id>/committed` says that a driver has finished its slow work for a layer, and which driver: under
 * another one the work is done anew. Until a flush it also names the boot: what was written under another boot and never
 * flushed may have been lost with the power, and is done anew too. Nobody waits for the flush.
 */
export class PreparedMarks implements Disposable {
  readonly #directories: SnapshotDirectories;
  readonly #driver: string;
  readonly #boot: string;
  readonly #known = new Set<string>();
  readonly #unflushed = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  private constructor(directories: SnapshotDirectories, driver: string, boot: string) {
    this.#directories = directories;
    this.#driver = driver;
    this.#boot = boot;
  }

  static async open(directories: SnapshotDirectories, driver: string): Promise<PreparedMarks> {
    return new PreparedMarks(directories, driver, await bootId());
  }

  has(id: string): boolean {
    if (this.#known.has(id)) return true;
    const [driver, boot = this.#boot] = this.#read(id).split(" ");
    if (driver !== this.#driver || boot !== this.#boot) return false;
    this.#known.add(id);
    return true;
  }

  /** `wrote`: whether the work left files that a power cut could take away. */
  put(id: string, wrote: boolean): void {
    writeFileSync(this.#directories.at(id, "committed"), wrote ? `${this.#driver} ${this.#boot}` : this.#driver);
    this.#known.add(id);
    if (!wrote) return;
    this.#unflushed.add(id);
    this.#timer ??= setTimeout(() => void this.settle().catch(() => {}), SETTLE_DELAY_MS).unref();
  }

  forget(id: string): void {
    this.#known.delete(id);
    this.#unflushed.delete(id);
  }

  /** Flushes the filesystem; marks that were put before hold over boots afterwards. */
  async settle(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const ids = [...this.#unflushed];
    await syncFilesystem(this.#directories.root);
    for (const id of ids) {
      if (this.#unflushed.delete(id)) writeFileSync(this.#directories.at(id, "committed"), this.#driver);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #read(id: string): string {
    try {
      return readFileSync(this.#directories.at(id, "committed"), "utf8");
    } catch (error) {
      if (isErrno(error, "ENOENT")) return "";
      throw error;
    }
  }
}
