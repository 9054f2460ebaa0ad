import { EngineError, ErrorCode } from "#errors";
import { redactUrl } from "#errors";

/** What is told of a request in messages. */
export interface RequestLine {
  readonly method: string;
  readonly url: URL;
}

const X509: ReadonlyMap<string, (host: string) => string> = new Map<string, (host: string) => string>([
  ["CERT_HAS_EXPIRED", () => "x509: certificate has expired or is not yet valid"],
  ["CERT_NOT_YET_VALID", () => "x509: certificate has expired or is not yet valid"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", () => "x509: certificate signed by unknown authority"],
  ["SELF_SIGNED_CERT_IN_CHAIN", () => "x509: certificate signed by unknown authority"],
  ["UNABLE_TO_GET_ISSUER_CERT", () => "x509: certificate signed by unknown authority"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", () => "x509: certificate signed by unknown authority"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", () => "x509: certificate signed by unknown authority"],
  [
    "ERR_TLS_CERT_ALTNAME_INVALID",
    (host) => `x509: certificate is not valid for any names, but wanted to match ${host}`,
  ],
]);

const DIAL: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connect: connection refused"],
  ["EHOSTUNREACH", "connect: no route to host"],
  ["ENETUNREACH", "connect: network is unreachable"],
  ["EADDRNOTAVAIL", "connect: cannot assign requested address"],
]);

interface SystemError {
  readonly code: string;
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly syscall: string | undefined;
}

/** Node's error, or the first of the errors of an AggregateError (one for each address tried). */
function systemErrorOf(error: unknown): SystemError {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const field = (name: string): unknown =>
    typeof first === "object" && first !== null ? Reflect.get(first, name) : undefined;
  const [code, address, port, syscall] = [field("code"), field("address"), field("port"), field("syscall")];
  return {
    code: typeof code === "string" ? code : "",
    address: typeof address === "string" ? address : undefined,
    port: typeof port === "number" ? port : undefined,
    syscall: typeof syscall === "string" ? syscall : undefined,
  };
}

function tell(error: unknown, host: string, isTls: boolean): string {
  const { code, address, port, syscall } = systemErrorOf(error);
  const at = address === undefined ? "" : ` ${address.includes(":") ? `[${address}]` : address}:${port ?? ""}`;
  const dial = DIAL.get(code);
  if (dial !== undefined) return `dial tcp${at}: ${dial}`;
  if (code === "ENOTFOUND") return `dial tcp: lookup ${host}: no such host`;
  if (code === "EAI_AGAIN") return `dial tcp: lookup ${host}: Temporary failure in name resolution`;
  if (code === "ETIMEDOUT") return syscall === "connect" ? `dial tcp${at}: i/o timeout` : "i/o timeout";
  if (code === "ECONNRESET" || code === "EPIPE") return isHangUp(error) ? "EOF" : "read: connection reset by peer";
  const certificate = X509.get(code);
  if (certificate !== undefined) return `tls: failed to verify certificate: ${certificate(host)}`;
  if (isTls && isNotTls(code)) return "http: server gave HTTP response to HTTPS client";
  return error instanceof Error && error.message !== "" ? error.message : String(error);
}

function isHangUp(error: unknown): boolean {
  return error instanceof Error && /socket hang up|aborted|before secure TLS/.test(error.message);
}

function isNotTls(code: string): boolean {
  return code === "EPROTO" || code.startsWith("ERR_SSL_WRONG_VERSION") || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG";
}

const TRANSIENT = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "EAI_AGAIN", "HPE_INVALID_EOF_STATE"]);
const NEVER_CONNECTED = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EADDRNOTAVAIL"]);

/** A failed connection in the words of Go's net/http, which is what users of Docker know: `Get "https://h/v2/": dial tcp …`. */
export function networkError(error: unknown, line: RequestLine): EngineError {
  const { code } = systemErrorOf(error);
  const what = tell(error, line.url.hostname, line.url.protocol === "https:");
  return new EngineError("unavailable", ErrorCode.REGISTRY_UNREACHABLE, `${requestLine(line)}: ${what}`, {
    details: { retryable: TRANSIENT.has(code), neverConnected: NEVER_CONNECTED.has(code), reason: code },
    cause: error,
  });
}

/** `Get "https://host/v2/"`, without secrets. */
export function requestLine(line: RequestLine): string {
  const method = line.method.charAt(0) + line.method.slice(1).toLowerCase();
  return `${method} "${redactUrl(line.url.href)}"`;
}
