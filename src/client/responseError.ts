import { EngineError, ErrorCode, messageOf } from "#errors";
import type { ErrorCategory } from "#errors";
import type { EngineHost } from "./host.ts";

const CATEGORY: Readonly<Record<number, ErrorCategory>> = {
  304: "not_modified",
  400: "invalid_argument",
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  409: "conflict",
  412: "failed_precondition",
  499: "cancelled",
  501: "not_implemented",
  503: "unavailable",
};

function messageIn(body: string, contentType: string): string {
  if (!contentType.includes("application/json")) return body.trim();
  try {
    const value: unknown = JSON.parse(body);
    const message = typeof value === "object" && value !== null ? Reflect.get(value, "message") : undefined;
    return typeof message === "string" ? message.trim() : body.trim();
  } catch {
    // A daemon that breaks off in the middle of its error still told us something.
    return body.trim();
  }
}

/** A response of 400 and above → error, with the prefix that Docker's client puts before what the daemon says. */
export function responseError(response: {
  readonly status: number;
  readonly statusText: string;
  readonly contentType: string;
  readonly body: string;
  readonly url: string;
}): EngineError {
  const category = CATEGORY[response.status] ?? "internal";
  const said = messageIn(response.body, response.contentType);
  const message =
    said === ""
      ? `request returned ${response.statusText} for API route and version ${response.url}, check if the server supports the requested API version`
      : `Error response from daemon: ${said}`;
  return new EngineError(category, ErrorCode.BAD_REQUEST, message, { details: { status: response.status } });
}

const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null ? Reflect.get(error, "code") : undefined;

/** True when nothing listens at the host: there is no socket, or nobody accepts on it. */
export function isNotListening(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTSOCK";
}

const UNKNOWN_SIGNER: ReadonlySet<string> = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);

/** A connection that was not made → error in Docker's words. */
export function connectionError(error: unknown, host: EngineHost, call: { method: string; url: string }): EngineError {
  const code = codeOf(error);
  const verb = call.method.charAt(0) + call.method.slice(1).toLowerCase();
  const wanted = `${verb} "${call.url}"`;
  const options = { cause: error, details: { host: host.address } };
  if (host.kind === "unix" && (code === "EACCES" || code === "EPERM")) {
    return new EngineError(
      "permission_denied",
      ErrorCode.DAEMON_UNREACHABLE,
      `permission denied while trying to connect to the Docker daemon socket at ${host.address}: ${wanted}: dial unix ${host.socketPath}: connect: permission denied`,
      options,
    );
  }
  if (isNotListening(error) || code === "ETIMEDOUT" || code === "EHOSTUNREACH") {
    return new EngineError(
      "unavailable",
      ErrorCode.DAEMON_UNREACHABLE,
      `Cannot connect to the Docker daemon at ${host.address}. Is the docker daemon running?`,
      options,
    );
  }
  const unknownSigner = typeof code === "string" && UNKNOWN_SIGNER.has(code);
  const why = unknownSigner
    ? "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    : messageOf(error).replace(/^socket hang up$/, "EOF");
  return new EngineError(
    "unavailable",
    ErrorCode.DAEMON_UNREACHABLE,
    `error during connect: ${wanted}: ${why}`,
    options,
  );
}
