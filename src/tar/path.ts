/** Rules for names within a layer. Paths are latin1 strings, one character a byte. */
import { isUtf8 } from "node:buffer";
import { EngineError, ErrorCode } from "#errors";

/** A latin1 path for people: as UTF-8 where it is UTF-8, unchanged otherwise. */
export function toDisplayPath(path: string): string {
  const bytes = Buffer.from(path, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : path;
}

/** UTF-8 text as the latin1 path of its bytes: the inverse of {@link toDisplayPath}. */
export function fromDisplayPath(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/**
 * `./usr//bin/` → `usr/bin`; `/` and `.` → "" (the root). Empty parts and `.` vanish, a leading `/` is stripped.
 * @throws {invalid_argument} PATH_ESCAPE when a part is `..`
 */
export function cleanTarPath(path: string): string {
  if (isClean(path)) return path;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") {
      throw new EngineError(
        "invalid_argument",
        ErrorCode.PATH_ESCAPE,
        `invalid tar: path ${JSON.stringify(toDisplayPath(path))} holds ".."`,
      );
    }
    if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Most paths of real layers need no work; this finds them without splitting. */
function isClean(path: string): boolean {
  return !/(?:^|\/)\.{0,2}(?:\/|$)/.test(path);
}

/** The part before the last `/`; "" for a name in the root. Takes a cleaned path. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The part after the last `/`. Takes a cleaned path. */
export function baseNameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
