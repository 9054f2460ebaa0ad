/** Errors in Docker's words. */
import { EngineError, ErrorCode } from "#errors";

export const noSuchContainer = (reference: string): EngineError =>
  new EngineError("not_found", ErrorCode.CONTAINER_NOT_FOUND, `No such container: ${reference}`);

export const ambiguousPrefix = (prefix: string): EngineError =>
  new EngineError("invalid_argument", ErrorCode.AMBIGUOUS_ID, `multiple IDs found with provided prefix: ${prefix}`);

export const nameInUse = (name: string, id: string): EngineError =>
  new EngineError(
    "conflict",
    ErrorCode.CONTAINER_NAME_IN_USE,
    `Conflict. The container name "/${name}" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );

export const invalidName = (name: string): EngineError =>
  new EngineError(
    "invalid_argument",
    ErrorCode.BAD_REQUEST,
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );

export const wrongState = (message: string): EngineError =>
  new EngineError("conflict", ErrorCode.CONTAINER_STATE, message);

/** The act would change nothing: 304 on the wire. */
export const nothingToDo = (message: string): EngineError =>
  new EngineError("not_modified", ErrorCode.CONTAINER_STATE, message);
