/** Errors in Docker's words. */
import { EngineError, ErrorCode } from "#errors";
import type { ContainerDocument } from "./document.ts";

export const noSuchContainer = (reference: string): EngineError =>
  new EngineError("not_found", ErrorCode.CONTAINER_NOT_FOUND, `No such container: ${reference}`);

export const emptyReference = (): EngineError =>
  new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, 'invalid name or ID supplied: ""');

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

export function refuseRemoval({ document: { name, state } }: { readonly document: ContainerDocument }): EngineError {
  const why: Readonly<Record<string, string>> = {
    paused: "container is paused and must be unpaused first",
    restarting: "container is restarting: stop the container before removing or force remove",
  };
  const running = "container is running: stop the container before removing or force remove";
  return wrongState(`cannot remove container "/${name}": ${why[state.status] ?? running}`);
}
