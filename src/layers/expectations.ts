import { EngineError, ErrorCode } from "#errors";
import { algorithmOf } from "#oci";
import type { DiffId, Digest } from "#oci";
import type { HashAlgorithm } from "./jobs.ts";

/** sha256 unless the caller expects another. */
export function algorithmFor(expected: Digest | DiffId | undefined): HashAlgorithm {
  return expected === undefined ? "sha256" : algorithmOf(expected);
}

/** @throws {data_loss} DIGEST_MISMATCH */
export function checkDigest(
  what: "blob" | "layer",
  expected: Digest | DiffId | undefined,
  actual: Digest | DiffId,
): void {
  if (expected === undefined || expected === actual) return;
  const details = { expected, actual };
  throw new EngineError("data_loss", ErrorCode.DIGEST_MISMATCH, `${what} ${expected}: its bytes hash to ${actual}`, {
    details,
  });
}

/** @throws {data_loss} SIZE_MISMATCH */
export function checkSize(expected: number | undefined, actual: number): void {
  if (expected === undefined || expected === actual) return;
  const details = { expected, actual };
  throw new EngineError("data_loss", ErrorCode.SIZE_MISMATCH, `layer blob: expected ${expected} bytes, got ${actual}`, {
    details,
  });
}
