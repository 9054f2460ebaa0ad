/** Failures of the filesystem in Go's words, which are Docker's. */
import { getSystemErrorMessage } from "node:util";
import { constants } from "node:os";
import { categoryOf, EngineError, ErrorCode, findEngineError } from "#errors";

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
  ENOSPC: "no space left on device",
  EDQUOT: "disk quota exceeded",
  EBUSY: "device or resource busy",
  ELOOP: "too many levels of symbolic links",
  EEXIST: "file exists",
  ENOTEMPTY: "directory not empty",
  ENAMETOOLONG: "file name too long",
  EXDEV: "invalid cross-device link",
  EINVAL: "invalid argument",
  EOPNOTSUPP: "operation not supported",
  EMFILE: "too many open files",
};

/** `ENOENT` of an error of node:fs or of #host; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  const errno = findEngineError(error)?.details?.["errno"];
  if (typeof errno === "string") return errno;
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return undefined;
  return String(error.code);
}

function wordsOf(errno: string): string {
  const known = WORDS[errno];
  if (known !== undefined) return known;
  const number = Object.entries(constants.errno).find(([name]) => name === errno)?.[1];
  return number === undefined ? errno : getSystemErrorMessage(-number);
}

/** Runs what may fail; a failure becomes Go's PathError (`lstat /x: not a directory`), {not_found} where nothing is. */
export function withGoWords<T>(operation: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    const about = path === "" ? "" : `${operation} ${path}: `;
    throw goError(errno === "ENOENT" ? "not_found" : "internal", `${about}${wordsOf(errno)}`, error);
  }
}

/** dockerd answers 500 to what it cannot do with files, whoever is to blame. */
export function goError(category: "internal" | "not_found", message: string, cause?: unknown): EngineError {
  const code = categoryOf(cause) === "resource_exhausted" ? ErrorCode.NO_SPACE : ErrorCode.CONTAINER_FILE;
  return new EngineError(category, code, message, { cause });
}
