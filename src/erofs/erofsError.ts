import { EngineError, ErrorCode } from "#errors";

/** The image is damaged or hostile: what it says of itself cannot be. */
export function invalidErofs(what: string): EngineError {
  return new EngineError("data_loss", ErrorCode.INVALID_EROFS, `invalid layer file: ${what}`);
}

/** The layer is more than the format or the kernel can hold. */
export function layerLimit(what: string): EngineError {
  return new EngineError("resource_exhausted", ErrorCode.LAYER_LIMIT, `layer refused: ${what}`);
}

/** An entry says what no filesystem could hold. */
export function invalidEntry(what: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_TAR, `invalid tar: ${what}`);
}
