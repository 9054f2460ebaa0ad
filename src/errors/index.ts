export {
  EngineError,
  ERROR_CATEGORIES,
  categoryOf,
  findEngineError,
  hasCode,
  isAlreadyExists,
  isCancelled,
  isConflict,
  isEngineError,
  isInvalidArgument,
  isNotFound,
  isNotImplemented,
  isPermissionDenied,
  isUnauthenticated,
  isUnavailable,
  messageOf,
  wrapError,
} from "./engineError.ts";
export type { EngineErrorOptions, ErrorCategory } from "./engineError.ts";
export { decodeError, encodeError } from "./encode.ts";
export type { EncodedError } from "./encode.ts";
export { redactUrl } from "./redact.ts";
export { ErrorCode } from "./codes.ts";
