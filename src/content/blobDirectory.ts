import { randomUUID } from "node:crypto";
import { open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "#oci";
import { isErrno, toContentError } from "./contentError.ts";
import type { BlobInfo, UnsyncedBlob } from "./contentStore.ts";
import { ALGORITHMS, blobPath, digestOfName } from "./layout.ts";
import type { Layout } from "./layout.ts";

export const MODE_UNSYNCED: number = 0o644;
const MODE_SYNCED = 0o444;
const OWNER_WRITE = 0o200;
const STATS_AT_ONCE = 64;

/** The committed files: `blobs/<algorithm>/<hex>`, and `trash/` for those on their way out. */
export class BlobDirectory implements AsyncDisposable {
  readonly #layout: Layout;
  /** Hidden from every reader from the call of `remove` on. */
  readonly #removing = new Map<Digest, Promise<void>>();
  readonly #background = new Set<Promise<void>>();
  /** Digests that may be unsynced; undefined until the directory was looked through once. */
  #candidates: Set<Digest> | undefined;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  path(digest: Digest): string {
    return blobPath(this.#layout, digest);
  }

  isHidden(digest: Digest): boolean {
    return this.#removing.has(digest);
  }

  /** undefined when it is not here. */
  async info(digest: Digest): Promise<BlobInfo | undefined> {
    if (this.isHidden(digest)) return undefined;
    try {
      const facts = await stat(this.path(digest));
      return facts.isFile() && !this.isHidden(digest) ? { digest, size: facts.size } : undefined;
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw toContentError(error, `content ${digest}`);
    }
  }

  /** True when a whole file of that digest is here already; waits out its removal. */
  async holds(digest: Digest, size: number): Promise<boolean> {
    await this.#removing.get(digest);
    return (await this.info(digest))?.size === size;
  }

  /** Moves a verified file into place. A file of another size that sits there was damaged and is replaced. */
  async publish(file: string, digest: Digest, size: number): Promise<void> {
    if (await this.holds(digest, size)) return rm(file, { force: true });
    this.#candidates?.add(digest);
    await rename(file, this.path(digest));
  }

  remove(digest: Digest): Promise<void> {
    const running = this.#removing.get(digest);
    if (running !== undefined) return running;
    const removal = this.#discard(this.path(digest))
      .catch((error: unknown) => {
        throw toContentError(error, `content ${digest}: remove`);
      })
      .finally(() => this.#removing.delete(digest));
    this.#removing.set(digest, removal);
    this.#candidates?.delete(digest);
    return removal;
  }

  async *list(): AsyncGenerator<BlobInfo, void, undefined> {
    for (const algorithm of ALGORITHMS) {
      const names = await readdir(join(this.#layout.blobs, algorithm));
      const digests = names.map((name) => digestOfName(algorithm, name)).filter((digest) => digest !== undefined);
      for (let first = 0; first < digests.length; first += STATS_AT_ONCE) {
        const some = digests.slice(first, first + STATS_AT_ONCE);
        const infos = await Promise.all(some.map((digest) => this.info(digest)));
        for (const info of infos) if (info !== undefined && !this.isHidden(info.digest)) yield info;
      }
    }
  }

  async unsynced(): Promise<readonly UnsyncedBlob[]> {
    this.#candidates ??= await this.#everyDigest();
    const found: UnsyncedBlob[] = [];
    for (const digest of this.#candidates) {
      const file = await this.#unsyncedFile(digest);
      if (file === undefined) this.#candidates.delete(digest);
      else found.push({ digest, file });
    }
    return found;
  }

  async markSynced(blobs: readonly UnsyncedBlob[]): Promise<void> {
    for (const { digest, file } of blobs) {
      try {
        await using handle = await open(this.path(digest), "r");
        if (fileIdentity(await handle.stat({ bigint: true })) === file) await handle.chmod(MODE_SYNCED);
      } catch (error) {
        if (!isErrno(error, "ENOENT")) throw toContentError(error, `content ${digest}: mark as synced`);
      }
    }
  }

  /** Frees what an earlier process hid but could not free. */
  emptyTrash(): void {
    this.#inBackground(
      readdir(this.#layout.trash).then(async (names) => {
        for (const name of names) await rm(join(this.#layout.trash, name), { recursive: true, force: true });
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#removing.values());
    await Promise.all(this.#background);
  }

  async #discard(path: string): Promise<void> {
    const hidden = join(this.#layout.trash, randomUUID());
    try {
      await rename(path, hidden);
    } catch (error) {
      // Gone already, or someone took the trash away: then it is freed at once.
      if (isErrno(error, "ENOENT")) return rm(path, { force: true });
      throw error;
    }
    this.#inBackground(rm(hidden, { force: true }));
  }

  #inBackground(work: Promise<void>): void {
    // What stays in the trash is tried again at the next open.
    const settled = work.catch(() => {}).finally(() => this.#background.delete(settled));
    this.#background.add(settled);
  }

  async #everyDigest(): Promise<Set<Digest>> {
    const found = new Set<Digest>();
    for await (const { digest } of this.list()) found.add(digest);
    return found;
  }

  async #unsyncedFile(digest: Digest): Promise<string | undefined> {
    try {
      const facts = await stat(this.path(digest), { bigint: true });
      return (Number(facts.mode) & OWNER_WRITE) === 0 ? undefined : fileIdentity(facts);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw toContentError(error, `content ${digest}`);
    }
  }
}

/** An inode number alone is soon used again; with the time of its rename it is this file. */
function fileIdentity(facts: { readonly ino: bigint; readonly ctimeNs: bigint }): string {
  return `${facts.ino}:${facts.ctimeNs}`;
}
