import { EngineError, ErrorCode } from "#errors";
import { toDisplayPath } from "#tar";

const SHOWN_BYTES = 200;

/** A latin1 path for a message: readable, quoted, one line, not endless. */
export function quotePath(path: string): string {
  return JSON.stringify(toDisplayPath(path.length > SHOWN_BYTES ? `${path.slice(0, SHOWN_BYTES)}...` : path));
}

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
