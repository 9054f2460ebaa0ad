import { syscallError } from "./syscallError.ts";
import { constants } from "node:os";

/** A path as text, or as bytes where a name may not be UTF-8. */
export type Path = string | Uint8Array;

/** NUL-terminated bytes for C. A NUL inside would silently shorten the path, so it is refused. */
export function cPath(path: Path): Buffer {
  const bytes = typeof path === "string" ? Buffer.from(path, "utf8") : path;
  if (bytes.includes(0)) throw syscallError({ syscall: "path", path: pathText(path), errno: constants.errno.EINVAL });
  const terminated = Buffer.alloc(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

/** For messages. */
export function pathText(path: Path): string {
  return typeof path === "string" ? path : Buffer.from(path).toString("utf8");
}
