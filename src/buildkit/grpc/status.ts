import { categoryOf, EngineError, ErrorCode, findEngineError, messageOf } from "#errors";
import type { ErrorCategory } from "#errors";
import { decode } from "../wire/decode.ts";
import { encode } from "../wire/encode.ts";

/** @see grpc status codes, doc/statuscodes.md of grpc 1.60 */
export const GrpcCode = {
  OK: 0,
  CANCELED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** One of google.protobuf.Any; BuildKit's own have JSON as value. */
export interface ErrorDetail {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** An error as it crosses a gRPC connection. */
export interface GrpcStatus {
  readonly code: number;
  readonly message: string;
  readonly details: readonly ErrorDetail[];
}

const CATEGORY: Readonly<Record<number, ErrorCategory>> = {
  1: "cancelled",
  3: "invalid_argument",
  4: "cancelled",
  5: "not_found",
  6: "already_exists",
  7: "permission_denied",
  8: "resource_exhausted",
  9: "failed_precondition",
  10: "aborted",
  11: "out_of_range",
  12: "not_implemented",
  14: "unavailable",
  15: "data_loss",
  16: "unauthenticated",
};

/**
 * A failed call. Its status travels on unchanged where the failure is handed to another peer (`LLBBridge/Return`, then
 * `Control/Solve`).
 */
export class GrpcError extends EngineError {
  readonly status: GrpcStatus;

  constructor(code: number, message: string, details: readonly ErrorDetail[] = []) {
    super(CATEGORY[code] ?? "internal", ErrorCode.BUILD_PEER, message);
    this.status = { code, message, details };
  }
}

/** True for a call that the other side does not offer. */
export function isUnimplemented(error: unknown): boolean {
  return error instanceof GrpcError && error.status.code === GrpcCode.UNIMPLEMENTED;
}

/** Clients print the name of every other code before the message: builds fail with Unknown, as BuildKit's do. */
const CODE: Readonly<Partial<Record<ErrorCategory, number>>> = {
  cancelled: GrpcCode.CANCELED,
  not_implemented: GrpcCode.UNIMPLEMENTED,
};

/** What is told of any error, without details. */
export function statusOf(error: unknown): GrpcStatus {
  const inner = findEngineError(error);
  if (inner instanceof GrpcError && error === inner) return inner.status;
  return { code: CODE[categoryOf(error)] ?? GrpcCode.UNKNOWN, message: messageOf(error), details: [] };
}

/** gRPC's percent encoding: everything but printable ASCII, and the percent sign. */
function escapeMessage(message: string): string {
  return [...Buffer.from(message)]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).padStart(2, "0").toUpperCase()}`,
    )
    .join("");
}

function unescapeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not ours to judge: a message that is badly escaped is shown as it came.
    return text;
  }
}

/** A header line above Node's bound would break the connection instead of telling what failed. */
const MAX_MESSAGE = 8 << 10;
const MAX_DETAILS = 48 << 10;

/** The trailers that end a call. */
export function toTrailers({ code, message, details }: GrpcStatus): Record<string, string> {
  if (code === GrpcCode.OK) return { "grpc-status": "0" };
  const trailers: Record<string, string> = {
    "grpc-status": String(code),
    "grpc-message": escapeMessage(message.slice(0, MAX_MESSAGE)),
  };
  if (details.length === 0) return trailers;
  const bytes = encode("Status", { code, message, details });
  if (bytes.length <= MAX_DETAILS) trailers["grpc-status-details-bin"] = bytes.toString("base64").replace(/=+$/, "");
  return trailers;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

function one(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
}

/** Reads how a call ended; undefined = well. A stream that ended without a status is a connection that broke. */
export function errorOfTrailers(headers: Headers | undefined): GrpcError | undefined {
  const code = headers === undefined ? undefined : one(headers, "grpc-status");
  if (headers === undefined || code === undefined || !/^\d{1,3}$/.test(code))
    return new GrpcError(GrpcCode.UNAVAILABLE, "the connection to the client broke");
  if (code === "0") return undefined;
  const packed = one(headers, "grpc-status-details-bin");
  const details = packed === undefined ? [] : readDetails(packed);
  return new GrpcError(Number(code), unescapeMessage(one(headers, "grpc-message") ?? ""), details);
}

function readDetails(packed: string): readonly ErrorDetail[] {
  try {
    return decode("Status", Buffer.from(packed, "base64")).details;
  } catch {
    // Details only add to a status that says what happened.
    return [];
  }
}
