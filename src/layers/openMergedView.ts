import { EngineError, ErrorCode } from "#errors";
import { toDisplayPath } from "#tar";
import type { ByteRange, LayerReader } from "./layerReader.ts";
import { LayerStack } from "./layerStack.ts";
import type { StackNode, StackedLayer } from "./layerStack.ts";
import type { LookupOptions, MergedView, StackChange, ViewEntry } from "./mergedView.ts";
import { stackChanges } from "./stackChanges.ts";

/** As the kernel's MAXSYMLINKS. */
const MAX_SYMLINKS = 40;
const DEFAULT_SMALL_FILE_BYTES = 1 << 20;
/** Overlayfs' own attributes are no part of what a container sees. */
const OVERLAY_XATTRS = "trusted.overlay.";

/** Joins readers (base first) into a view; disposing the view disposes them. */
export function openMergedView(layers: readonly StackedLayer[]): MergedView {
  return new StackView(new LayerStack(layers));
}

class StackView implements MergedView {
  readonly #stack: LayerStack;

  constructor(stack: LayerStack) {
    this.#stack = stack;
  }

  lookup(path: string, options: LookupOptions = {}): ViewEntry | undefined {
    const node = this.#find(path, options.follow ?? true);
    return node === undefined ? undefined : toEntry(node);
  }

  list(path: string): readonly ViewEntry[] | undefined {
    const node = this.#find(path, true);
    return node?.stat.type === "directory" ? this.#stack.children(node).map(toEntry) : undefined;
  }

  readlink(entry: ViewEntry): string {
    if (entry.stat.type !== "symlink") throw wrongType(entry, "symlink");
    return this.#reader(entry).image.readlink(entry.stat.nid);
  }

  xattrs(entry: ViewEntry): ReadonlyMap<string, Uint8Array> {
    const all = this.#reader(entry).image.xattrs(entry.stat.nid);
    return new Map(Array.from(all).filter(([name]) => !name.startsWith(OVERLAY_XATTRS)));
  }

  readFile(entry: ViewEntry, range?: ByteRange): AsyncIterable<Uint8Array> {
    if (entry.stat.type !== "file") throw wrongType(entry, "regular file");
    return this.#reader(entry).readFile(entry.stat.nid, range);
  }

  async readSmallFile(entry: ViewEntry, maxBytes: number = DEFAULT_SMALL_FILE_BYTES): Promise<Buffer> {
    if (entry.stat.size > maxBytes) {
      const what = `${toDisplayPath(entry.path)}: ${entry.stat.size} bytes, more than ${maxBytes}`;
      throw new EngineError("resource_exhausted", ErrorCode.LAYER_LIMIT, what);
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.readFile(entry)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  *walk(path = ""): Generator<ViewEntry> {
    const start = this.#find(path, false);
    const pending = start === undefined ? [] : [start];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      yield toEntry(node);
      if (node.stat.type === "directory") pending.push(...[...this.#stack.children(node)].reverse());
    }
  }

  *changes(from: number): Generator<StackChange, void, void> {
    for (const change of stackChanges(this.#stack, from)) {
      yield change.kind === "entry" ? { kind: "entry", entry: toEntry(change.entry) } : change;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#stack.layers.map(({ reader }) => reader[Symbol.asyncDispose]()));
  }

  #reader(entry: ViewEntry): LayerReader {
    const layer = this.#stack.layers[entry.layer];
    if (layer === undefined) throw new RangeError(`no layer ${entry.layer} in this view`);
    return layer.reader;
  }

  /** Walks a path within the root: `..` stops there, symlinks start there when absolute. */
  #find(path: string, follow: boolean): StackNode | undefined {
    const root = this.#stack.root();
    if (root === undefined) return undefined;
    const pending = path.split("/").reverse();
    let trail: readonly StackNode[] = [root];
    let links = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const here = trail.at(-1) ?? root;
      if (here.stat.type !== "directory") return undefined;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        trail = trail.length > 1 ? trail.slice(0, -1) : trail;
        continue;
      }
      const child = this.#stack.child(here, name);
      if (child === undefined) return undefined;
      if (child.stat.type !== "symlink" || (pending.length === 0 && !follow)) {
        trail = [...trail, child];
        continue;
      }
      links += 1;
      if (links > MAX_SYMLINKS) throw symlinkLoop(path);
      const target = this.readlink(toEntry(child));
      if (target.startsWith("/")) trail = [root];
      pending.push(...target.split("/").reverse());
    }
    return trail.at(-1);
  }
}

function toEntry({ path, stat, layer }: ViewEntry): ViewEntry {
  return { path, stat, layer };
}

function wrongType(entry: ViewEntry, wanted: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `${toDisplayPath(entry.path)}: not a ${wanted}`);
}

function symlinkLoop(path: string): EngineError {
  const message = `${toDisplayPath(path)}: too many levels of symbolic links`;
  return new EngineError("invalid_argument", ErrorCode.SYMLINK_LOOP, message);
}
