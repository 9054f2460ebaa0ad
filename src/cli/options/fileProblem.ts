const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "is a directory",
  ENOTDIR: "not a directory",
  EEXIST: "file exists",
  ENOSPC: "no space left on device",
  EROFS: "read-only file system",
  ELOOP: "too many levels of symbolic links",
  ENAMETOOLONG: "file name too long",
  ENOTEMPTY: "directory not empty",
  EBUSY: "device or resource busy",
  EFBIG: "file too large",
  EINVAL: "invalid argument",
  ETXTBSY: "text file busy",
};

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

/** A file system error as Go prints a PathError: `open /x: no such file or directory`. */
export function fileProblem(error: unknown, verb: string, path: string): string {
  const known = WORDS[codeOf(error)];
  if (known !== undefined) return `${verb} ${path}: ${known}`;
  return error instanceof Error ? `${verb} ${path}: ${error.message}` : String(error);
}
