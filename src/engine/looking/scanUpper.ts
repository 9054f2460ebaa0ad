import { lstatSync, readdirSync } from "node:fs";
import type { UpperDirectory } from "#engineapi";
import { isOpaque, isWhiteout } from "#snapshots";
import { toDisplayPath } from "#tar";

/** More than these nobody reads; they are counted, not listed. */
const MOST_LISTED = 10_000;

/** What an upper directory holds. Whoever writes to it meanwhile may be seen in part. */
export function scanUpper(root: string): UpperDirectory {
  const found = { files: 0, directories: 0, bytes: 0 };
  const whiteouts: string[] = [];
  const opaque: string[] = [];
  const pending = [""];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const name of namesIn(root, folder)) {
      const path = `${folder}/${name}`;
      const at = Buffer.from(root + path, "latin1");
      const stat = lstatSync(at, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) continue;
      if (stat.isDirectory()) {
        found.directories += 1;
        pending.push(path);
        if (isOpaque(at)) opaque.push(toDisplayPath(path));
      } else if (isWhiteout(stat)) whiteouts.push(toDisplayPath(path));
      else {
        found.files += 1;
        found.bytes += stat.isFile() ? Number(stat.size) : 0;
      }
    }
  }
  const bounded = (list: string[]): readonly string[] => list.sort().slice(0, MOST_LISTED);
  const truncated = whiteouts.length > MOST_LISTED || opaque.length > MOST_LISTED;
  return { ...found, whiteouts: bounded(whiteouts), opaque: bounded(opaque), truncated };
}

function namesIn(root: string, folder: string): readonly string[] {
  try {
    return readdirSync(Buffer.from(root + folder, "latin1"), "latin1");
  } catch {
    // Gone meanwhile.
    return [];
  }
}
