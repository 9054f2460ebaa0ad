import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { resolve } from "node:path";
import { fileProblem } from "../options/fileProblem.ts";
import { base, clean, keepEnding, linkedPath, rebaseName, splitEntry } from "./paths.ts";
import type { CopyInfo } from "./plan.ts";

const MOST_LINKS = 10;

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;
const isAbsent = (error: unknown): boolean => hasCode(error, "ENOENT");

/** Runs a call of the file system; its error in Go's words. */
function asking<T>(verb: string, path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const failed = error instanceof Error && "path" in error && typeof error.path === "string" ? error.path : path;
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new Error(fileProblem(error, verb, failed), { cause: error });
  }
}

/** The path with all links followed. @throws {Error} in the words of Go's EvalSymlinks. */
function follow(path: string): string {
  const resolved = asking("lstat", path, () => {
    try {
      return realpathSync(path);
    } catch (error) {
      if (hasCode(error, "ENOTDIR")) throw new Error("not a directory", { cause: error });
      throw error;
    }
  });
  if (path.endsWith("/") && !statSync(resolved).isDirectory()) throw new Error("not a directory");
  return resolved;
}

/** Absolute, with the `/` or `/.` at the end that was written. */
export function resolveLocal(path: string): string {
  return keepEnding(resolve(path), path);
}

function specialKind(stat: Stats): string | undefined {
  if (stat.isCharacterDevice() || stat.isBlockDevice()) return "a device";
  return undefined;
}

/** @throws {Error} in Docker's words when nothing can be written there. */
export function checkOutputPath(path: string): void {
  const cleaned = clean(path);
  const folder = splitEntry(cleaned).folder;
  if (folder !== "." && isMissing(folder)) {
    throw new Error(`invalid output path: directory "${folder}" does not exist`);
  }
  if (isMissing(path)) return;
  const kind = specialKind(asking("stat", path, () => statSync(path)));
  if (kind !== undefined) {
    throw new Error(`invalid output path: "${path}" must be a directory or a regular file: got ${kind}`);
  }
}

function isMissing(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return isAbsent(error);
  }
}

/** What to copy. Links before the last part are followed, the last one only when asked to. @throws {Error} */
export function localSource(path: string, followsLink: boolean): CopyInfo {
  const { path: resolved, rebase } = followsLink ? followed(path) : unfollowed(path);
  const stat = asking("lstat", resolved, () => lstatSync(resolved));
  return { path: resolved, exists: true, isFolder: stat.isDirectory(), rebase };
}

function followed(path: string): { readonly path: string; readonly rebase: string } {
  return rebaseName(path, follow(path));
}

function unfollowed(path: string): { readonly path: string; readonly rebase: string } {
  const at = path.lastIndexOf("/") + 1;
  const folder = follow(path.slice(0, at));
  const resolved = `${folder}/${path.slice(at)}`;
  return { path: resolved, rebase: path.endsWith("/") && base(path) !== base(resolved) ? base(path) : "" };
}

/** Where to copy to. Links are followed, also one that leads to nothing yet. @throws {Error} in Docker's words. */
export function localTarget(path: string): CopyInfo {
  let current = path;
  for (let links = 0; links <= MOST_LINKS; links += 1) {
    let stat: Stats;
    try {
      stat = lstatSync(current);
    } catch (error) {
      if (!isAbsent(error)) throw new Error(fileProblem(error, "lstat", current), { cause: error });
      return newTarget(current);
    }
    if (!stat.isSymbolicLink()) return { path: current, exists: true, isFolder: stat.isDirectory(), rebase: "" };
    current = linkedPath(current, readlinkSync(current));
  }
  throw new Error(`too many symlinks in ${path}`);
}

function newTarget(path: string): CopyInfo {
  const { folder } = splitEntry(path);
  if (!asking("stat", folder, () => statSync(folder)).isDirectory()) throw new Error("not a directory");
  return { path, exists: false, isFolder: false, rebase: "" };
}
