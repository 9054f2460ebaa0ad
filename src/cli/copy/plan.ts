import { assertsDirectory, splitEntry } from "./paths.ts";

/** A source or a destination of a copy. */
export interface CopyInfo {
  readonly path: string;
  readonly exists: boolean;
  readonly isFolder: boolean;
  /** The name that the entry gets in the archive; empty: its own. */
  readonly rebase: string;
}

/** Where to extract, and which first name in the archive becomes which. */
export interface CopyPlan {
  readonly folder: string;
  readonly rename?: { readonly from: string; readonly to: string };
  /** Where symlinks may lead; default `inside` of the folder. They are never followed. */
  readonly links?: "inside" | "anywhere";
}

/** Decides as Docker does (`cp SRC DST`). @throws {Error} in its words for what cannot be. */
export function planCopy(source: CopyInfo, target: CopyInfo): CopyPlan {
  if (target.exists && target.isFolder) return { folder: target.path };
  if (target.exists && source.isFolder) throw new Error("cannot copy directory");
  if (!target.exists && !source.isFolder && assertsDirectory(target.path)) throw new Error("no such directory");
  const { folder, name } = splitEntry(target.path);
  return { folder, rename: { from: source.rebase || splitEntry(source.path).name, to: name } };
}

/** An entry's name with its first part renamed. */
export function renamed(path: string, rename: CopyPlan["rename"]): string {
  if (rename === undefined) return path;
  const { from, to } = rename;
  if (from === "/") return path.startsWith("/") ? `${to}${path}` : `${to}/${path}`;
  if (path === from || path.startsWith(`${from}/`)) return `${to}${path.slice(from.length)}`;
  return path;
}
