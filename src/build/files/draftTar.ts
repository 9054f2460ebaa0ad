import { TAR_END, encodeTarHeader, opaquePath, tarPadding } from "#tar";
import type { TarHeader } from "#tar";
import type { Attributes, DraftDirectory, DraftLeaf, FileContent, LayerDraft } from "./layerDraft.ts";
import { joinPath } from "./sourceTree.ts";

const CHUNK_BYTES = 1 << 20;
const MARKER: Attributes = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, xattrs: undefined };

/** Writes a draft as a layer's tar: names in byte order, so that one draft always gives the same bytes. */
export function writeDraftTar(draft: LayerDraft, emit: (chunk: Uint8Array<ArrayBuffer>) => void): void {
  const writer = new DraftTarWriter(emit);
  writer.directory(draft.root);
  writer.end();
}

class DraftTarWriter {
  readonly #emit: (chunk: Uint8Array<ArrayBuffer>) => void;
  readonly #first = new Map<DraftLeaf, string>();
  #chunk = new Uint8Array(CHUNK_BYTES);
  #used = 0;

  constructor(emit: (chunk: Uint8Array<ArrayBuffer>) => void) {
    this.#emit = emit;
  }

  directory(directory: DraftDirectory): void {
    if (directory.path !== "") this.#header({ path: directory.path, type: "directory", ...directory.attributes });
    if (directory.isOpaque) this.#header({ path: opaquePath(directory.path), type: "file", ...MARKER });
    const names = [...directory.children.keys()].sort();
    for (const name of names) {
      const node = directory.children.get(name);
      if (node?.kind === "leaf") this.#leaf(joinPath(directory.path, name), node);
      else if (node?.kind === "directory" && node.isTouched) this.directory(node);
    }
  }

  end(): void {
    this.#put(TAR_END);
    this.#flush();
  }

  #leaf(path: string, leaf: DraftLeaf): void {
    const { attributes, content, type, target, deviceMajor, deviceMinor } = leaf;
    const first = this.#first.get(leaf);
    if (first !== undefined) {
      this.#header({ path, type: "hardlink", linkPath: first, ...attributes });
      return;
    }
    this.#first.set(leaf, path);
    const size = content?.size ?? 0;
    this.#header({ path, type, size, linkPath: target, deviceMajor, deviceMinor, ...attributes });
    if (content !== undefined) this.#content(content);
  }

  #content(content: FileContent): void {
    content.read((bytes) => this.#put(bytes));
    this.#put(tarPadding(content.size));
  }

  #header(header: Omit<TarHeader, keyof Attributes> & Attributes): void {
    const { xattrs, ...rest } = header;
    this.#put(encodeTarHeader(xattrs === undefined ? rest : { ...rest, xattrs }));
  }

  #put(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + CHUNK_BYTES - this.#used);
      this.#chunk.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
      if (this.#used === CHUNK_BYTES) this.#flush();
    }
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#emit(this.#chunk.subarray(0, this.#used));
    this.#chunk = new Uint8Array(CHUNK_BYTES);
    this.#used = 0;
  }
}
