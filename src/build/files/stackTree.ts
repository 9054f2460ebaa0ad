import { closeSync, openSync, readSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import { hexOf } from "#oci";
import { openStackFiles } from "#layers";
import type { LayerFileOfStack, StackFiles, ViewEntry } from "#layers";
import { HashCache } from "./hashCache.ts";
import { resolvePath } from "./resolvePath.ts";
import { joinPath } from "./sourceTree.ts";
import type { SourceEntry, SourceTree } from "./sourceTree.ts";

const CHUNK_BYTES = 1 << 20;
const chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);

interface StackEntry extends SourceEntry {
  readonly view: ViewEntry;
}

/** A layer is never changed, so a file of it is told by its inode's number alone. */
const UNCHANGING = {
  inodeHigh: 0,
  modifiedSeconds: 0,
  modifiedNanoseconds: 0,
  changedSeconds: 0,
  changedNanoseconds: 0,
};

/** A stack of layers as overlayfs would show it, read out of the layer files. */
export class StackTree implements SourceTree {
  readonly #files: StackFiles;
  readonly #layers: readonly LayerFileOfStack[];
  readonly #hashDirectory: string;
  /** By layer. */
  readonly #hashes = new Map<number, HashCache>();
  readonly #open = new Map<string, number>();

  /** Digests of files are kept in `hashDirectory`, one file a layer. */
  static async open(layers: readonly LayerFileOfStack[], hashDirectory: string): Promise<StackTree> {
    return new StackTree(await openStackFiles(layers), layers, hashDirectory);
  }

  private constructor(files: StackFiles, layers: readonly LayerFileOfStack[], hashDirectory: string) {
    this.#files = files;
    this.#layers = layers;
    this.#hashDirectory = hashDirectory;
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

  /** Layers are read as they are asked for: their digests are known but for the first time. */
  async prepare(): Promise<void> {}

  digest(entry: SourceEntry): string {
    const { layer, path, stat } = viewOf(entry);
    const facts = { size: stat.size, inodeLow: stat.nid, ...UNCHANGING };
    const hashes = this.#hashesOf(layer);
    const known = hashes.get(path, facts);
    if (known !== undefined) return known.digest;
    const sum = createHash("sha256");
    this.read(entry, (bytes) => sum.update(bytes));
    const digest = sum.digest("hex");
    hashes.put(path, facts, { digest, hasXattrs: false });
    return digest;
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
    for (const hashes of this.#hashes.values()) hashes.save();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
    this.settle();
    await this.#files[Symbol.asyncDispose]();
  }

  #hashesOf(layer: number): HashCache {
    const known = this.#hashes.get(layer);
    if (known !== undefined) return known;
    const diffId = this.#layers[layer]?.info.diffId;
    const path = diffId === undefined ? undefined : join(this.#hashDirectory, `layer-${hexOf(diffId)}`);
    const hashes = HashCache.open(path);
    this.#hashes.set(layer, hashes);
    return hashes;
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
