import { closeSync, mkdirSync, openSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { copyDirectoryAttributes } from "./attributes.ts";
import type { InitEntry } from "./snapshotter.ts";
import { StackDirectory } from "./stackDirectory.ts";

const MODE = 0o755;

/**
 * Fills the layer between an image and a container's top, Docker's `<id>-init`: what a runtime mounts upon has to be there,
 * and is no change that the container made. A directory of the image that has one of the names stays; anything else gives
 * way. Directories on the way are the image's own, with their attributes.
 */
export function fillInitLayer(target: string, lowers: readonly string[], entries: readonly InitEntry[]): void {
  const root = StackDirectory.root(lowers);
  const made = new Set<string>();
  for (const entry of entries) {
    const names = entry.path.split("/").filter((name) => name !== "");
    const last = names.pop();
    if (last === undefined) continue;
    let lower: StackDirectory | undefined = root;
    let at = target;
    let blocked = false;
    for (const name of names) {
      const found: ReturnType<StackDirectory["find"]> = lower?.find(name);
      // A link or file of the image's in the way: what Docker makes of it lands elsewhere, we leave it alone.
      blocked ||= found !== undefined && found.directory === undefined;
      at = join(at, name);
      lower = found?.directory;
      if (blocked || made.has(at)) continue;
      made.add(at);
      mkdirSync(at, { mode: MODE });
      if (found !== undefined) copyDirectoryAttributes(found.path.toString(), at);
    }
    if (!blocked && lower?.find(last)?.directory === undefined) makeEntry(join(at, last), entry);
  }
}

function makeEntry(path: string, entry: InitEntry): void {
  if (entry.kind === "directory") mkdirSync(path, { mode: MODE });
  else if (entry.kind === "symlink") symlinkSync(entry.target, path);
  else closeSync(openSync(path, "wx", MODE));
}
