/** OCI image-spec 1.1, layer.md "Whiteouts". */
import { baseNameOf, parentOf } from "./path.ts";

const PREFIX = ".wh.";
const META_PREFIX = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";

/** What an entry means to the layers below. */
export type Whiteout =
  /** Hides `path`, which is beside the marker. */
  | { readonly kind: "remove"; readonly path: string }
  /** Hides all that lower layers hold in the directory `path` ("" = the root). */
  | { readonly kind: "opaque"; readonly path: string }
  /** AUFS bookkeeping (`.wh..wh.plnk` …): never part of the filesystem. */
  | { readonly kind: "ignore" };

/** Reads the name of a cleaned path; undefined for an ordinary entry. */
export function parseWhiteout(path: string): Whiteout | undefined {
  const name = baseNameOf(path);
  if (!name.startsWith(PREFIX)) return undefined;
  const parent = parentOf(path);
  if (name === OPAQUE) return { kind: "opaque", path: parent };
  if (name.startsWith(META_PREFIX)) return { kind: "ignore" };
  const hidden = name.slice(PREFIX.length);
  // ".wh." alone, ".wh.." and ".wh..." would hide nothing that has a name.
  if (hidden === "" || hidden === "." || hidden === "..") return { kind: "ignore" };
  return { kind: "remove", path: parent === "" ? hidden : `${parent}/${hidden}` };
}

/** `usr/bin/x` → `usr/bin/.wh.x` */
export function whiteoutPath(path: string): string {
  const parent = parentOf(path);
  const marker = `${PREFIX}${baseNameOf(path)}`;
  return parent === "" ? marker : `${parent}/${marker}`;
}

/** `usr` → `usr/.wh..wh..opq`; "" → `.wh..wh..opq` */
export function opaquePath(directory: string): string {
  return directory === "" ? OPAQUE : `${directory}/${OPAQUE}`;
}
