import { constants, open, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { MODE_UNSYNCED } from "./blobDirectory.ts";
import { ingestBusy, isErrno, toContentError } from "./contentError.ts";
import type { IngestInfo } from "./contentStore.ts";
import { ingestId } from "./layout.ts";

/** A half-made ingest or a `put` that a crash left behind; young ones may belong to a living process. */
const STRAY_AGE_MS = 3_600_000;

/** The unfinished writes: `ingest/<sha256 of ref>/{ref,data}`. Knows which of them have a writer. */
export class IngestDirectory {
  readonly #root: string;
  readonly #busy = new Set<string>();
  readonly #removing = new Map<string, Promise<void>>();

  constructor(root: string) {
    this.#root = root;
  }

  dataPath(ref: string): string {
    return join(this.#root, ingestId(ref), "data");
  }

  /** Takes the ref for one writer until `release`. @throws {unavailable} INGEST_BUSY */
  async open(ref: string): Promise<FileHandle> {
    if (this.#busy.has(ref)) throw ingestBusy(ref);
    this.#busy.add(ref);
    try {
      await this.#removing.get(ref);
      const folder = join(this.#root, ingestId(ref));
      await mkdir(folder, { recursive: true });
      if ((await readRef(folder)) === undefined) await writeFile(join(folder, "ref"), ref);
      return await open(join(folder, "data"), constants.O_RDWR | constants.O_CREAT, MODE_UNSYNCED);
    } catch (error) {
      this.#busy.delete(ref);
      throw toContentError(error, `content ingest ${ref}`);
    }
  }

  release(ref: string): void {
    this.#busy.delete(ref);
  }

  /** For the writer itself: removes what it made. */
  async discard(ref: string): Promise<void> {
    await rm(join(this.#root, ingestId(ref)), { recursive: true, force: true });
  }

  remove(ref: string): Promise<void> {
    if (this.#busy.has(ref)) return Promise.reject(ingestBusy(ref));
    const running = this.#removing.get(ref);
    if (running !== undefined) return running;
    const removal = this.discard(ref).finally(() => this.#removing.delete(ref));
    this.#removing.set(ref, removal);
    return removal;
  }

  async list(): Promise<readonly IngestInfo[]> {
    const found: IngestInfo[] = [];
    for (const name of await readdir(this.#root)) {
      const folder = join(this.#root, name);
      const ref = await readRef(folder);
      const facts = ref === undefined ? undefined : await statIfThere(join(folder, "data"));
      if (ref !== undefined && facts !== undefined)
        found.push({ ref, bytes: facts.size, updatedAt: Math.trunc(facts.mtimeMs) });
    }
    return found;
  }

  async removeStrays(now: number): Promise<void> {
    for (const name of await readdir(this.#root)) {
      const path = join(this.#root, name);
      const facts = await statIfThere(path);
      if (facts === undefined || now - facts.mtimeMs < STRAY_AGE_MS) continue;
      if ((await readRef(path)) === undefined) await rm(path, { recursive: true, force: true });
    }
  }
}

/** undefined when the folder is no ingest, or its ref file is not whole. */
async function readRef(folder: string): Promise<string | undefined> {
  try {
    const ref = await readFile(join(folder, "ref"), "utf8");
    return folder.endsWith(`/${ingestId(ref)}`) ? ref : undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

async function statIfThere(path: string): Promise<{ readonly size: number; readonly mtimeMs: number } | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
