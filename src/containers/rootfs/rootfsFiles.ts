import { closeSync, constants, fstatSync, mkdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import { isErrno, openInRoot } from "#host";
import type { AccountFiles } from "./userLookup.ts";

/** open(2) */
const O_PATH = 0o10000000;
const MAX_ACCOUNT_BYTES = 4 << 20;

/** A small regular file of a mounted root; empty when there is none. Symlinks stay inside the root. */
function readInRoot(root: string, path: string): string {
  let fd: number;
  try {
    // Without O_NONBLOCK a fifo that an image put there would hold the daemon.
    fd = openInRoot(root, path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return ""; // absent, or no file that can be read: no users are named
  }
  try {
    const stat = fstatSync(fd);
    return stat.isFile() && stat.size <= MAX_ACCOUNT_BYTES ? readFileSync(fd, "utf8") : "";
  } finally {
    closeSync(fd);
  }
}

export function readAccountFiles(root: string): AccountFiles {
  return { passwd: readInRoot(root, "/etc/passwd"), group: readInRoot(root, "/etc/group") };
}

/** True for a directory of a mounted root, symlinks followed within it. */
export function isDirectoryInRoot(root: string, path: string): boolean {
  try {
    closeSync(openInRoot(root, path, constants.O_RDONLY | constants.O_DIRECTORY));
    return true;
  } catch {
    return false; // nothing, or something else
  }
}

/** The permissions of what lies at a path of a mounted root, symlinks followed within it; undefined: nothing. */
export function permissionsInRoot(root: string, path: string): number | undefined {
  let fd: number;
  try {
    fd = openInRoot(root, path, O_PATH);
  } catch {
    return undefined; // nothing that could be looked at
  }
  try {
    return fstatSync(fd).mode & 0o7777;
  } finally {
    closeSync(fd);
  }
}

/** An fd of a directory; undefined when nothing has the name. */
function openDirectory(root: string, path: string): number | undefined {
  try {
    return openInRoot(root, path, constants.O_DIRECTORY);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    if (!isErrno(error, "ENOTDIR")) throw error;
    const message = `Cannot mkdir: ${path} is not a directory`;
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message, { cause: error });
  }
}

/**
 * Makes a directory and those above it (root's, 0755) in a mounted root, as Docker does for a working directory. What a
 * container left there cannot lead outside. @throws {invalid_argument} when something else has the name.
 */
export function makeDirectoryInRoot(root: string, path: string): void {
  const known = openDirectory(root, path);
  if (known !== undefined) {
    closeSync(known);
    return;
  }
  const parent = posix.dirname(path);
  if (parent !== path) makeDirectoryInRoot(root, parent);
  const folder = openDirectory(root, parent);
  if (folder === undefined) throw new Error(`${parent} vanished`);
  try {
    mkdirSync(`/proc/self/fd/${folder}/${posix.basename(path)}`, { mode: 0o755 });
  } finally {
    closeSync(folder);
  }
}

const MARK = "/.dockerenv";

/** The empty file by which programs know that they run in a container. What the image has under that name stays. */
export function markContainerRoot(root: string): void {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants;
  try {
    closeSync(openInRoot(root, MARK, O_CREAT | O_EXCL | O_WRONLY, 0o755));
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}
