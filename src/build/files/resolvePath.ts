import { EngineError, ErrorCode } from "#errors";
import { toDisplayPath } from "#tar";
import { joinPath } from "./sourceTree.ts";

/** As containerd's continuity, which BuildKit resolves with. */
const MAX_SYMLINKS = 255;

/** What stands at a clean path without symlinks on the way: the target of a symlink; undefined: no symlink, or nothing. */
export type ReadLinkAt = (path: string) => string | undefined;

/**
 * Follows all symlinks of a path within a root: absolute ones start at the root, `..` stops there. What does not exist
 * keeps its name. Clean, relative, latin1. @throws {invalid_argument} SYMLINK_LOOP
 */
export function resolvePath(path: string, readLinkAt: ReadLinkAt): string {
  const pending = path.split("/").reverse();
  let here = "";
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      here = here.slice(0, Math.max(here.lastIndexOf("/"), 0));
      continue;
    }
    const next = joinPath(here, name);
    const target = readLinkAt(next);
    if (target === undefined) {
      here = next;
      continue;
    }
    links += 1;
    if (links > MAX_SYMLINKS) {
      throw new EngineError("invalid_argument", ErrorCode.SYMLINK_LOOP, `${toDisplayPath(path)}: too many links`);
    }
    if (target.startsWith("/")) here = "";
    pending.push(...target.split("/").reverse());
  }
  return here;
}
