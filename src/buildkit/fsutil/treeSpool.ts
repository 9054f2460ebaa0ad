import { open, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContextEntry } from "#build";
import { EngineError, ErrorCode } from "#errors";
import { cleanTarPath, readTarStream, toDisplayPath } from "#tar";
import type { TarEntry, TarMember } from "#tar";
import { FileType } from "./goMode.ts";
import { inWalkOrder } from "./pathOrder.ts";

const CHUNK_BYTES = 256 << 10;
const NS_PER_SECOND = 1_000_000_000n;

const MODE: Readonly<Record<TarEntry["type"], number>> = {
  file: FileType.REGULAR,
  hardlink: FileType.REGULAR,
  symlink: FileType.SYMLINK,
  char: FileType.CHAR,
  block: FileType.BLOCK,
  directory: FileType.DIR,
  fifo: FileType.PIPE,
};

/** An entry that a client shall write; its bytes can be read at any time and again. */
export interface SpooledEntry {
  readonly entry: ContextEntry;
  read(): AsyncIterable<Uint8Array>;
}

function toEntry(tar: TarEntry, path: string): ContextEntry {
  const { type, uid, gid, size, linkPath, deviceMajor, deviceMinor } = tar;
  return {
    path: toDisplayPath(path),
    mode: (MODE[type] | tar.mode) >>> 0,
    uid,
    gid,
    size,
    modifiedAt: BigInt(tar.mtimeSeconds) * NS_PER_SECOND + BigInt(tar.mtimeNanoseconds),
    linkname: toDisplayPath(type === "hardlink" ? cleanTarPath(linkPath) : linkPath),
    deviceMajor,
    deviceMinor,
    xattrs: tar.xattrs ?? new Map(),
  };
}

function isHardLink({ entry }: SpooledEntry): boolean {
  return entry.linkname !== "" && (entry.mode & FileType.MASK) === FileType.REGULAR;
}

/** Of the names of one file the first has its bytes, whichever had them in the tar; all have its metadata. */
function withLinksBehind(ordered: readonly SpooledEntry[]): readonly SpooledEntry[] {
  const files = new Map(ordered.filter((one) => !isHardLink(one)).map((one) => [one.entry.path, one]));
  const firstNames = new Map<SpooledEntry, string>();
  return ordered.map((one) => {
    const file = isHardLink(one) ? files.get(one.entry.linkname) : one;
    if (file === undefined)
      throw new EngineError(
        "invalid_argument",
        ErrorCode.INVALID_TAR,
        `hard link ${JSON.stringify(one.entry.path)} to ${JSON.stringify(one.entry.linkname)}, which is not in the tree`,
      );
    const first = firstNames.get(file);
    if (first === undefined) firstNames.set(file, one.entry.path);
    if (file === one && first === undefined) return one;
    return { read: () => file.read(), entry: { ...file.entry, path: one.entry.path, linkname: first ?? "" } };
  });
}

/**
 * A tree that came as a tar, in fsutil's order and with bytes at hand: a client asks for the files in the order it likes,
 * and some not at all. The bytes lie in one file without a name.
 */
export class TreeSpool implements AsyncDisposable {
  readonly #file: FileHandle;
  #used = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(): Promise<TreeSpool> {
    const path = join(tmpdir(), `varve-tree-${randomUUID()}`);
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    return new TreeSpool(file);
  }

  /** Takes the whole tar. @throws {invalid_argument} when it is none */
  async fill(tar: AsyncIterable<Uint8Array>): Promise<readonly SpooledEntry[]> {
    const entries: SpooledEntry[] = [];
    for await (const member of readTarStream(tar)) {
      const path = cleanTarPath(member.entry.path);
      // The root itself is the client's directory.
      if (path !== "") entries.push(await this.#take(member, path));
    }
    return withLinksBehind(inWalkOrder(entries, ({ entry }) => entry.path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #take({ entry, body }: TarMember, path: string): Promise<SpooledEntry> {
    const start = this.#used;
    if (entry.type === "file")
      for await (const chunk of body) {
        await this.#file.write(chunk, 0, chunk.length, this.#used);
        this.#used += chunk.length;
      }
    const end = this.#used;
    return { entry: toEntry(entry, path), read: () => this.#read(start, end) };
  }

  async *#read(start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end; ) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new Error("a spooled tree is shorter than what was written to it");
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  }
}
