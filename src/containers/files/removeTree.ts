import { closeSync, constants, lstatSync, openSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { goError } from "./goError.ts";
import { fdPath, MAX_DEPTH, pathAt } from "./openFile.ts";

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Removes a name of an open directory with all that is below it. Follows no link, whatever is put there meanwhile. */
export function removeTree(directory: number, name: string, depth = 0): void {
  if (depth > MAX_DEPTH) throw goError("internal", "directories are nested too deeply");
  const at = pathAt(directory, name);
  if (!lstatSync(at).isDirectory()) {
    unlinkSync(at);
    return;
  }
  const fd = openSync(at, DIRECTORY);
  try {
    for (const child of readdirSync(fdPath(fd), "latin1")) removeTree(fd, child, depth + 1);
  } finally {
    closeSync(fd);
  }
  rmdirSync(at);
}
