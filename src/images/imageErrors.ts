import { EngineError, ErrorCode } from "#errors";

/** `name` as Docker shows it: a familiar reference with its tag, or the ID that was asked for. */
export function noSuchImage(name: string): EngineError {
  return new EngineError("not_found", ErrorCode.IMAGE_NOT_FOUND, `No such image: ${name}`);
}

export function conflict(message: string): EngineError {
  return new EngineError("conflict", ErrorCode.IMAGE_CONFLICT, `conflict: ${message}`);
}

export function invalidFilter(text: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, text);
}

export function invalidArchive(message: string, cause?: unknown): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_ARCHIVE, `invalid archive: ${message}`, { cause });
}

export function invalidChange(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}
