import { EngineError, ErrorCode } from "#errors";

/** A template that cannot be read: `template: :1: unclosed action`. Lines count from 1. */
export function parseError(line: number, message: string): EngineError {
  return new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_FLAG,
    `template parsing error: template: :${line}: ${message}`,
    { details: { phase: "parse" } },
  );
}

/** A template that cannot be carried out, at a byte of its text: `template: :1:2: executing "" at <.Foo>: …`. */
export function executionError(text: string, position: number, node: string, message: string): EngineError {
  const before = text.slice(0, position);
  const line = before.split("\n").length;
  const column = Buffer.byteLength(before.slice(before.lastIndexOf("\n") + 1));
  return new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_FLAG,
    `template parsing error: template: :${line}:${column}: executing "" at <${node}>: ${message}`,
    { details: { phase: "execute" } },
  );
}
