import { TAR_END, encodeTarHeader, opaquePath, tarPadding } from "#tar";
import type { TarHeader } from "#tar";
import type { Attributes, DraftDirectory, DraftLeaf, FileContent, LayerDraft } from "./layerDraft.ts";
import { joinPath } from "./sourceTree.ts";

const HEADER_BYTES = 512;
const MARKER: Attributes = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, xattrs: undefined };

/** Writes a draft as a layer's tar: names in byte order, so that one draft always gives the same bytes. */
export function writeDraftTar(draft: LayerDraft, put: PutBytes): void {
  new DraftTarWriter(put).directory(draft.root);
  put(TAR_END);
}

/** Takes the next bytes, which may be reused afterwards. */
export type PutBytes = (bytes: Uint8Array) => void;

class DraftTarWriter {
  readonly #put: PutBytes;
  readonly #first = new Map<DraftLeaf, string>();
  readonly #block = Buffer.alloc(HEADER_BYTES);

  constructor(put: PutBytes) {
    this.#put = put;
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
    content.read(this.#put);
    this.#put(tarPadding(content.size));
  }

  #header(header: Omit<TarHeader, keyof Attributes> & Attributes): void {
    const { xattrs, ...rest } = header;
    this.#put(encodeTarHeader(xattrs === undefined ? rest : { ...rest, xattrs }, this.#block));
  }
}
