import { EngineError, ErrorCode, isEngineError } from "#errors";
import type { Digest } from "#oci";

/** True if the system call failed with this errno name, e.g. `ENOENT`. */
export function isErrno(error: unknown, name: string): boolean {
  return error instanceof Error && Reflect.get(error, "code") === name;
}

/** What `fs` throws → EngineError; a full disk or quota gets its own code and one line without a path. */
export function toContentError(error: unknown, doing: string): EngineError {
  if (isEngineError(error)) return error;
  if (isErrno(error, "ENOSPC") || isErrno(error, "EDQUOT"))
    return new EngineError("resource_exhausted", ErrorCode.NO_SPACE, "no space left on device", { cause: error });
  const why = error instanceof Error ? error.message : String(error);
  return new EngineError("internal", ErrorCode.CONTENT_IO, `${doing}: ${why}`, { cause: error });
}

export function blobNotFound(digest: Digest, cause?: unknown): EngineError {
  return new EngineError("not_found", ErrorCode.BLOB_NOT_FOUND, `content ${digest}: not found`, { cause });
}

export function digestMismatch(what: string, expected: Digest, actual: Digest): EngineError {
  return new EngineError(
    "data_loss",
    ErrorCode.DIGEST_MISMATCH,
    `${what}: digest mismatch: expected ${expected}, got ${actual}`,
    { details: { expected, actual } },
  );
}

export function sizeMismatch(what: string, expected: number, actual: number): EngineError {
  return new EngineError(
    "data_loss",
    ErrorCode.SIZE_MISMATCH,
    `${what}: size mismatch: expected ${expected} bytes, got ${actual}`,
    { details: { expected, actual } },
  );
}

export function ingestBusy(ref: string): EngineError {
  return new EngineError("unavailable", ErrorCode.INGEST_BUSY, `content ingest ${ref}: already in progress`);
}
