import { ERROR_CATEGORIES, EngineError, findEngineError, messageOf } from "./engineError.ts";
import type { ErrorCategory } from "./engineError.ts";

/** An error as plain data, for a border (worker, process) that would strip an Error of its fields. */
export interface EncodedError {
  readonly category: ErrorCategory;
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly hint?: string;
  readonly stack?: string;
}

/** Any thrown value → data. Never throws. */
export function encodeError(error: unknown): EncodedError {
  const inner = findEngineError(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    category: inner?.category ?? "internal",
    code: inner?.code ?? "INTERNAL",
    message: messageOf(error),
    ...(inner?.details === undefined ? {} : { details: inner.details }),
    ...(inner?.hint === undefined ? {} : { hint: inner.hint }),
    ...(stack === undefined ? {} : { stack }),
  };
}

/** Data → EngineError; the far side's stack is kept as the stack of `cause`. */
export function decodeError(data: EncodedError): EngineError {
  const far = new Error(data.message);
  if (data.stack !== undefined) far.stack = data.stack;
  const category = ERROR_CATEGORIES.includes(data.category) ? data.category : "internal";
  return new EngineError(category, data.code, data.message, {
    ...(data.details === undefined ? {} : { details: data.details }),
    ...(data.hint === undefined ? {} : { hint: data.hint }),
    cause: far,
  });
}
