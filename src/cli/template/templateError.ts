import { EngineError, ErrorCode } from "#errors";

/** What Docker puts before Go's own words, except where the template of a status command fails on its data. */
export const TEMPLATE_PREFIX = "template parsing error: ";

/** A template that cannot be read: `template: :1: unclosed action`. Lines count from 1. */
export function parseError(name: string, line: number, message: string): EngineError {
  return new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_FLAG,
    `${TEMPLATE_PREFIX}template: ${name}:${line}: ${message}`,
    { details: { phase: "parse" } },
  );
}

/** A template that cannot be carried out, after it has printed something, at a byte of its text: `template: :1:2: executing "" at <.Foo>: …`. */
export function executionError(
  template: { readonly name: string; readonly source: string },
  place: { readonly position: number; readonly text: string },
  message: string,
  printed: string,
): EngineError {
  const before = template.source.slice(0, place.position);
  const line = before.split("\n").length;
  const column = Buffer.byteLength(before.slice(before.lastIndexOf("\n") + 1));
  return new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_FLAG,
    `${TEMPLATE_PREFIX}template: ${template.name}:${line}:${column}: executing "${template.name}" at <${place.text}>: ${message}`,
    { details: { phase: "execute", printed } },
  );
}
