import { EngineError, ErrorCode, findEngineError, messageOf, wrapError } from "#errors";

import type { LineRange } from "./ast.ts";

/** Where in which file an error of a build was met. */
export interface ErrorSource {
  readonly filename: string;
  readonly location: LineRange;
}

/** Something in a Dockerfile is wrong; `message` in BuildKit's words. */
export function invalidDockerfile(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_DOCKERFILE, message);
}

/**
 * Adds to an error which lines of which file it is about (`details.source`). Category, code, message and hint stay; an
 * error that has a source already keeps it, the innermost knows best.
 */
export function withSource(error: unknown, source: ErrorSource): EngineError {
  const inner = findEngineError(error);
  if (inner?.details?.["source"] !== undefined) return inner;
  return new EngineError(inner?.category ?? "internal", inner?.code ?? ErrorCode.INTERNAL, messageOf(error), {
    details: { ...inner?.details, source },
    ...(inner?.hint === undefined ? {} : { hint: inner.hint }),
    cause: error,
  });
}

/** Runs `act`; what it throws gets its source and, where given, a prefix: `dockerfile parse error on line 2: …`. */
export function located<T>(source: ErrorSource, act: () => T, prefix?: string): T {
  try {
    return act();
  } catch (error) {
    throw withSource(prefix === undefined ? error : wrapError(error, prefix), source);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** The source that {@link withSource} added; undefined for an error without one. Holds for decoded errors too. */
export function sourceOf(error: unknown): ErrorSource | undefined {
  const source = findEngineError(error)?.details?.["source"];
  if (!isRecord(source) || !isRecord(source["location"])) return undefined;
  const { start, end } = source["location"];
  const filename = source["filename"];
  if (typeof start !== "number" || typeof end !== "number" || typeof filename !== "string") return undefined;
  return { filename, location: { start, end } };
}

const RULE = "-".repeat(20);

function shownLines(location: LineRange, count: number): LineRange {
  let { start, end } = location;
  const pad = start === end ? 4 : 2;
  // BuildKit counts a turn too: a line alone gets at most two before and two behind.
  for (let shown = 0; shown < pad; shown += 1) {
    if (start > 1) {
      start -= 1;
      shown += 1;
    }
    if (end < count) {
      end += 1;
      shown += 1;
    }
  }
  return { start, end };
}

/**
 * The lines an error is about as BuildKit prints them, with the lines around:
 * `Dockerfile:2\n----…\n   1 |     FROM x\n   2 | >>> FOO\n----…\n`. Empty for an error without a source.
 */
export function sourceExcerpt(error: unknown, text: string): string {
  const source = sourceOf(error);
  return source === undefined ? "" : excerptOf(source, text);
}

/** {@link sourceExcerpt} of lines known otherwise: a warning's. */
export function excerptOf(source: ErrorSource, text: string): string {
  const lines = text.split("\n");
  const first = source.location.start;
  if (first < 1 || first > lines.length) return "";
  const marked = { start: first, end: Math.min(Math.max(source.location.end, first), lines.length) };
  const shown = shownLines(marked, lines.length);
  const rows = lines.slice(shown.start - 1, shown.end).map((line, index) => {
    const number = shown.start + index;
    const mark = number >= marked.start && number <= marked.end ? ">>>" : "   ";
    return ` ${String(number).padStart(3)} | ${mark} ${line}\n`;
  });
  return `${source.filename}:${first}\n${RULE}\n${rows.join("")}${RULE}\n`;
}
