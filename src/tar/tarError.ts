import { EngineError, ErrorCode } from "#errors";

/** The bytes are no tar: `invalid tar: bad header checksum at byte 1024`. */
export function invalidTar(what: string, at?: number): EngineError {
  const where = at === undefined ? "" : ` at byte ${at}`;
  return new EngineError("invalid_argument", ErrorCode.INVALID_TAR, `invalid tar: ${what}${where}`);
}

/** The bytes end where more must follow. */
export function truncatedTar(within: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.TAR_TRUNCATED, `truncated tar: it ends within ${within}`);
}
