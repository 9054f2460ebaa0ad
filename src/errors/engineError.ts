/**
 * The closed set of error categories (containerd's errdefs). `api/httpStatus.ts` turns a category into an HTTP status,
 * the CLI turns it into an exit code; nothing else decides by category text.
 */
export const ERROR_CATEGORIES = [
  "not_found",
  "already_exists",
  "invalid_argument",
  "failed_precondition",
  "conflict",
  "aborted",
  "unauthenticated",
  "permission_denied",
  "unavailable",
  "resource_exhausted",
  "out_of_range",
  "not_implemented",
  "not_modified",
  "data_loss",
  "cancelled",
  "internal",
] as const;

/** One of {@link ERROR_CATEGORIES}. */
export type ErrorCategory = (typeof ERROR_CATEGORIES)[number];

/** What may be told beside category, code and message. */
export interface EngineErrorOptions {
  /** Facts for programs, e.g. `{ digest: "sha256:9f…", expected: 12, actual: 10 }`. Must survive JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What the user can do next, one sentence; the CLI prints it on its own line. */
  readonly hint?: string;
  readonly cause?: unknown;
}

const BRAND: string = "varve.EngineError";

/**
 * The one error class that crosses rooms. `message` is one line that names what was wrong with what; it is Docker's own
 * wording where Docker has one, because clients print it unchanged.
 */
export class EngineError extends Error {
  readonly category: ErrorCategory;
  /** Stable and upper case, listed in `codes.ts`, e.g. `DIGEST_MISMATCH`. */
  readonly code: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly hint?: string;

  constructor(category: ErrorCategory, code: string, message: string, options: EngineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "EngineError";
    Object.defineProperty(this, Symbol.for(BRAND), { value: true });
    this.category = category;
    this.code = code;
    if (options.details !== undefined) this.details = options.details;
    if (options.hint !== undefined) this.hint = options.hint;
  }
}

/** Answers by brand, so that it holds across copies of this module. Does not walk `cause`. */
export function isEngineError(value: unknown): value is EngineError {
  return typeof value === "object" && value !== null && Reflect.get(value, Symbol.for(BRAND)) === true;
}

const MAX_CAUSES = 32;

/** The nearest EngineError of `error` and its causes; undefined if none. */
export function findEngineError(error: unknown): EngineError | undefined {
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth += 1) {
    if (isEngineError(current)) return current;
    current = current.cause;
  }
  return undefined;
}

/** The category of the nearest EngineError; `internal` for anything else. */
export function categoryOf(error: unknown): ErrorCategory {
  return findEngineError(error)?.category ?? "internal";
}

/** True if the nearest EngineError of the cause chain has this code. */
export function hasCode(error: unknown, code: string): boolean {
  return findEngineError(error)?.code === code;
}

const is =
  (category: ErrorCategory) =>
  (error: unknown): boolean =>
    findEngineError(error)?.category === category;

export const isNotFound: (error: unknown) => boolean = is("not_found");
export const isAlreadyExists: (error: unknown) => boolean = is("already_exists");
export const isInvalidArgument: (error: unknown) => boolean = is("invalid_argument");
export const isConflict: (error: unknown) => boolean = is("conflict");
export const isUnauthenticated: (error: unknown) => boolean = is("unauthenticated");
export const isPermissionDenied: (error: unknown) => boolean = is("permission_denied");
export const isUnavailable: (error: unknown) => boolean = is("unavailable");
export const isNotImplemented: (error: unknown) => boolean = is("not_implemented");
export const isCancelled: (error: unknown) => boolean = is("cancelled");

function describeValue(value: unknown): string {
  try {
    return String(value);
  } catch {
    // An object without a prototype, or one whose toString throws.
    return "unknown error";
  }
}

/** One line for people: the message, without stack. Never throws, never empty for an Error. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return describeValue(error);
  if (error.message !== "") return error.message;
  // Node gives a connection that failed on every address an AggregateError without a message.
  const parts: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  return parts.map((part) => messageOf(part)).join("; ") || error.name;
}

/**
 * Wraps an error with what was being done and to what; category, code, details and hint of the nearest EngineError are
 * kept. `wrapError(err, "content sha256:9f…")` gives the message `content sha256:9f…: <message>`.
 */
export function wrapError(error: unknown, doing: string): EngineError {
  const inner = findEngineError(error);
  return new EngineError(inner?.category ?? "internal", inner?.code ?? "INTERNAL", `${doing}: ${messageOf(error)}`, {
    ...(inner?.details === undefined ? {} : { details: inner.details }),
    ...(inner?.hint === undefined ? {} : { hint: inner.hint }),
    cause: error,
  });
}
