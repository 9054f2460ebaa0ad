import { EngineError, ErrorCode } from "#errors";
import type { ErrorCategory } from "#errors";
import { parseChallenges } from "./challenge.ts";
import type { HttpResponse } from "./httpResponse.ts";
import { parseRetryAfter } from "./retry.ts";
import { headerOf } from "./transport.ts";

/** Error of distribution-spec 1.1 (spec.md#error-codes). */
interface SpecError {
  readonly code: string;
  readonly message: string;
}

const MAX_ERROR_BYTES = 64 << 10;
const MAX_MESSAGE_LENGTH = 1024;

const DEFAULT_MESSAGES: Readonly<Record<string, string>> = {
  UNAUTHORIZED: "authentication required",
  DENIED: "requested access to the resource is denied",
  TOOMANYREQUESTS: "too many requests",
  UNAVAILABLE: "service unavailable",
  NAME_UNKNOWN: "repository name not known to registry",
  MANIFEST_UNKNOWN: "manifest unknown",
  BLOB_UNKNOWN: "blob unknown to registry",
};

const KINDS: Readonly<Record<string, readonly [ErrorCategory, ErrorCode]>> = {
  UNAUTHORIZED: ["unauthenticated", ErrorCode.AUTH_REQUIRED],
  DENIED: ["permission_denied", ErrorCode.ACCESS_DENIED],
  MANIFEST_UNKNOWN: ["not_found", ErrorCode.MANIFEST_UNKNOWN],
  NAME_UNKNOWN: ["not_found", ErrorCode.MANIFEST_UNKNOWN],
  BLOB_UNKNOWN: ["not_found", ErrorCode.BLOB_NOT_FOUND],
  TOOMANYREQUESTS: ["resource_exhausted", ErrorCode.REGISTRY],
  UNSUPPORTED: ["not_implemented", ErrorCode.REGISTRY],
};

const BY_STATUS: ReadonlyMap<number, ErrorCategory> = new Map<number, ErrorCategory>([
  [401, "unauthenticated"],
  [403, "permission_denied"],
  [404, "not_found"],
  [429, "resource_exhausted"],
]);

const isTransient = (status: number): boolean => status >= 500 || status === 429 || status === 408;

/** An answer that is no success → error, in the words of Docker's client (`manifest unknown: manifest unknown`). Reads the body. */
export async function registryError(response: HttpResponse): Promise<EngineError> {
  const retryAfterMs = parseRetryAfter(headerOf(response.headers, "retry-after"));
  const details = {
    status: response.status,
    retryable: isTransient(response.status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  const first = specErrorOf(response) ?? (await readSpecError(response));
  if (first !== undefined) return fromSpec(first, { ...details, registryCode: first.code });
  const category = BY_STATUS.get(response.status) ?? (response.status >= 500 ? "unavailable" : "internal");
  const message = `received unexpected HTTP status: ${response.statusLine}`;
  return new EngineError(category, ErrorCode.REGISTRY, message, { details });
}

function fromSpec(error: SpecError, details: Readonly<Record<string, unknown>>): EngineError {
  const [category, code] = KINDS[error.code] ?? (["internal", ErrorCode.REGISTRY] as const);
  const name = error.code.toLowerCase().replaceAll("_", " ");
  const message = error.message === "" ? (DEFAULT_MESSAGES[error.code] ?? "unknown error") : error.message;
  return new EngineError(category, code, `${name}: ${message}`, { details });
}

/** OAuth errors in the challenge come before the body (RFC 6750 §3.1). */
function specErrorOf(response: HttpResponse): SpecError | undefined {
  for (const { scheme, parameters } of parseChallenges(headerOf(response.headers, "www-authenticate"))) {
    if (scheme !== "bearer") continue;
    const code = { invalid_token: "UNAUTHORIZED", insufficient_scope: "DENIED" }[parameters["error"] ?? ""];
    if (code === undefined) continue;
    response.discard();
    return { code, message: oneLine(parameters["error_description"] ?? "") };
  }
  return undefined;
}

async function readSpecError(response: HttpResponse): Promise<SpecError | undefined> {
  if (response.request.method === "HEAD") response.discard();
  const body = response.request.method === "HEAD" ? undefined : await readJson(response);
  const errors = field(body, "errors");
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const code = field(first, "code");
  if (typeof code === "string" && /^[A-Za-z_ ]{1,64}$/.test(code)) {
    return { code: code.toUpperCase(), message: oneLine(field(first, "message")) };
  }
  const told = oneLine(field(body, "details"));
  if (response.status === 401) return { code: "UNAUTHORIZED", message: told };
  if (response.status === 403) return { code: "DENIED", message: told };
  if (response.status === 429) return { code: "TOOMANYREQUESTS", message: told };
  return undefined;
}

async function readJson(response: HttpResponse): Promise<unknown> {
  try {
    const bytes = await response.bytes(MAX_ERROR_BYTES, "error of the registry");
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined; // an error page that is no JSON, too large or cut: the status says enough
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function oneLine(value: unknown): string {
  return typeof value === "string" ? value.replaceAll(/\s+/g, " ").trim().slice(0, MAX_MESSAGE_LENGTH) : "";
}
