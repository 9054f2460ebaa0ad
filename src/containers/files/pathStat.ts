import { closeSync, constants, fstatSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import { openConfined } from "#host";
import { fromDisplayPath, toDisplayPath } from "#tar";
import type { PathStat } from "./fileJobs.ts";
import { errnoOf, goError, withGoWords } from "./goError.ts";
import { goFileMode, goTime } from "./goFileInfo.ts";
import { O_PATH, pathAt } from "./openFile.ts";

/** Go's filepath-securejoin and moby's symlink package give up after as many. */
const MAX_LINKS = 255;

/** Cleaned and absolute; a `/` or `/.` at the end stays, for it means "what is in it". */
export function absolutePath(path: string): string {
  const clean = posix.join("/", path).replace(/(?<=.)\/$/, "");
  if (path === "." || path.endsWith("/.")) return clean === "/" ? "/." : `${clean}/.`;
  return path.endsWith("/") && clean !== "/" ? `${clean}/` : clean;
}

/** The last part, as Go's filepath.Base: "/" for the root, "." where the path ends in it. */
export function baseName(absolute: string): string {
  return absolute === "/" ? "/" : posix.basename(absolute);
}

const latin1 = (path: string): Buffer => Buffer.from(path, "latin1");

/** Opens a path of the root (latin1) without following its last part. */
export function openPath(root: number, path: string): number {
  return openConfined(root, latin1(path), O_PATH | constants.O_NOFOLLOW, "root");
}

/** Opens what a path leads to, and tells of it. The caller closes the fd. @throws {not_found}, `lstat /x: not a directory` */
export function statPath(root: number, path: string): { readonly fd: number; readonly stat: PathStat } {
  const absolute = absolutePath(path);
  const bytes = fromDisplayPath(absolute);
  const fd = withGoWords("lstat", absolute, () => openPath(root, bytes));
  try {
    const found = fstatSync(fd, { bigint: true });
    const linkTarget = found.isSymbolicLink() ? toDisplayPath(followLinks(root, bytes)) : "";
    const stat = {
      name: baseName(absolute),
      size: Number(found.size),
      mode: goFileMode(found),
      mtime: goTime(found.mtimeNs),
      linkTarget,
    };
    return { fd, stat };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Target of a symlink of the root; undefined for what is none; throws ENOENT for nothing. */
function readLink(root: number, path: string): string | undefined {
  const parent = openConfined(root, latin1(posix.dirname(path)), O_PATH, "root");
  try {
    return readlinkSync(pathAt(parent, posix.basename(path)), "latin1");
  } catch (error) {
    if (errnoOf(error) === "EINVAL") return undefined;
    throw error;
  } finally {
    closeSync(parent);
  }
}

/** Where a path leads, as far as there is something: parts that are not there are kept as they are. */
function followLinks(root: number, path: string): string {
  let rest = path;
  let done = "/";
  for (let links = 0; rest !== ""; ) {
    const [, part = "", after = ""] = /^\/*([^/]*)([^]*)$/.exec(rest) ?? [];
    rest = after;
    const next = posix.join(done, part);
    const target = part === "" || part === "." || part === ".." ? undefined : findLink(root, next);
    if (target === undefined) {
      done = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS)
      throw goError("internal", `evalSymlinksInScope: too many symlinks in ${toDisplayPath(path)}`);
    if (target.startsWith("/")) done = "/";
    rest = `${target}/${rest}`;
  }
  return done.replace(/(?<=.)\/$/, "");
}

function findLink(root: number, path: string): string | undefined {
  try {
    return readLink(root, path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
