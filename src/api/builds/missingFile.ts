import { findEngineError, messageOf } from "#errors";

const MISSING = /^failed to compute cache key: .*: "\/(?<path>.*)": not found$/s;
const INSTRUCTION = /^\s*(?:ONBUILD\s+)?(?<name>COPY|ADD)\b(?<rest>.*)$/is;

/** The first of the Dockerfile's lines that an error is about. */
function lineOf(error: unknown): string {
  const source: unknown = findEngineError(error)?.details?.["source"];
  if (typeof source !== "object" || source === null) return "";
  const [text, ranges]: readonly unknown[] = [Reflect.get(source, "text"), Reflect.get(source, "ranges")];
  const first: unknown = Array.isArray(ranges) ? ranges[0] : undefined;
  const start: unknown = typeof first === "object" && first !== null ? Reflect.get(first, "start") : undefined;
  return typeof text === "string" && typeof start === "number" ? (text.split("\n")[start - 1] ?? "") : "";
}

/** What the older builder says of a COPY whose source is not there; undefined: it is something else. */
export function missingFileMessage(error: unknown): string | undefined {
  const path = MISSING.exec(messageOf(error))?.groups?.["path"];
  const { name, rest = "" } = INSTRUCTION.exec(lineOf(error))?.groups ?? {};
  if (path === undefined || name === undefined) return undefined;
  const where = /\s--from=/i.test(rest) ? "" : "file not found in build context or excluded by .dockerignore: ";
  return `${name.toUpperCase()} failed: ${where}stat ${path}: file does not exist`;
}
