import type { SourceTree } from "./sourceTree.ts";

export type SmallFile =
  | { readonly kind: "absent" }
  | { readonly kind: "file"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "other"; readonly problem: string }
  | { readonly kind: "tooLarge"; readonly bytes: number };

/** A whole file, symlinks followed; latin1 path. */
export function readSmallFile(tree: SourceTree, path: string, maxBytes: number): SmallFile {
  const entry = tree.find(tree.resolve(path));
  if (entry === undefined) return { kind: "absent" };
  if (entry.type === "directory") return { kind: "other", problem: "is a directory" };
  if (entry.type !== "file") return { kind: "other", problem: "not a regular file" };
  if (entry.size > maxBytes) return { kind: "tooLarge", bytes: entry.size };
  const bytes = new Uint8Array(entry.size);
  let at = 0;
  tree.read(entry, (chunk) => {
    bytes.set(chunk, at);
    at += chunk.length;
  });
  return { kind: "file", bytes };
}
