import { EngineError, ErrorCode, isEngineError } from "#errors";

/** The bytes are no tar: `invalid tar: bad header checksum`. */
export function invalidTar(what: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_TAR, `invalid tar: ${what}`);
}

/** Adds to an INVALID_TAR where in the archive it was met: ` at byte 1024`. Anything else comes back as it is. */
export function located(error: unknown, at: number): unknown {
  if (!isEngineError(error) || error.code !== ErrorCode.INVALID_TAR || error.details !== undefined) return error;
  return new EngineError(error.category, error.code, `${error.message} at byte ${at}`, {
    details: { at },
    cause: error,
  });
}

/** The bytes end where more must follow. */
export function truncatedTar(within: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.TAR_TRUNCATED, `truncated tar: it ends within ${within}`);
}
