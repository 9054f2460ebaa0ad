import { closeSync, openSync, readSync } from "node:fs";
import { createHash } from "node:crypto";
import { EngineError, ErrorCode } from "#errors";
import { openStackFiles } from "#layers";
import type { LayerFileOfStack, StackFiles, ViewEntry } from "#layers";
import { resolvePath } from "./resolvePath.ts";
import { joinPath } from "./sourceTree.ts";
import type { SourceEntry, SourceTree } from "./sourceTree.ts";

const CHUNK_BYTES = 1 << 20;
const chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);

interface StackEntry extends SourceEntry {
  readonly view: ViewEntry;
}

/** A stack of layers as overlayfs would show it, read out of the layer files. */
export class StackTree implements SourceTree {
  readonly #files: StackFiles;
  readonly #open = new Map<string, number>();

  static async open(layers: readonly LayerFileOfStack[]): Promise<StackTree> {
    return new StackTree(await openStackFiles(layers));
  }

  private constructor(files: StackFiles) {
    this.#files = files;
  }

  resolve(path: string): string {
    return resolvePath(path, (at) => {
      const entry = this.find(at);
      return entry?.type === "symlink" ? this.readlink(entry) : undefined;
    });
  }

  find(path: string): SourceEntry | undefined {
    const found = this.#files.view.lookup(path, { follow: false });
    return found === undefined ? undefined : toEntry(found, path);
  }

  list(directory: SourceEntry): readonly SourceEntry[] {
    const entries = this.#files.view.list(directory.path) ?? [];
    return entries.map((entry) => toEntry(entry, joinPath(directory.path, nameOf(entry.path))));
  }

  readlink(entry: SourceEntry): string {
    return this.#files.view.readlink(viewOf(entry));
  }

  xattrs(entry: SourceEntry): ReadonlyMap<string, Uint8Array> | undefined {
    const found = this.#files.view.xattrs(viewOf(entry));
    return found.size === 0 ? undefined : found;
  }

  digest(entry: SourceEntry): string {
    const sum = createHash("sha256");
    this.read(entry, (bytes) => sum.update(bytes));
    return sum.digest("hex");
  }

  read(entry: SourceEntry, use: (chunk: Uint8Array) => void): void {
    for (const bytes of this.chunks(entry)) use(bytes);
  }

  *chunks(entry: SourceEntry): Generator<Uint8Array> {
    const { path, offset, length } = this.#files.extentOf(viewOf(entry));
    const fd = this.#open.get(path) ?? openSync(path, "r");
    this.#open.set(path, fd);
    for (let done = 0; done < length; ) {
      const got = readSync(fd, chunk, 0, Math.min(length - done, chunk.length), offset + done);
      if (got === 0) throw new EngineError("data_loss", ErrorCode.INVALID_EROFS, "a layer file is cut short");
      yield chunk.subarray(0, got);
      done += got;
    }
  }

  settle(): void {
    // A stack's files never change, and their digests are part of its name.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
    await this.#files[Symbol.asyncDispose]();
  }
}

function toEntry(view: ViewEntry, path: string): StackEntry {
  const { type, mode, uid, gid, size, mtimeSeconds, nlink, nid, device } = view.stat;
  return {
    path,
    type,
    mode,
    uid,
    gid,
    size: type === "file" ? size : 0,
    mtimeSeconds,
    inode: type !== "directory" && nlink > 1 ? `${view.layer}:${nid}` : undefined,
    deviceMajor: device.major,
    deviceMinor: device.minor,
    view,
  };
}

function viewOf(entry: SourceEntry): ViewEntry {
  if (!("view" in entry)) throw new TypeError("an entry of another tree");
  // Made by this file only.
  return (entry as StackEntry).view;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
