import { randomBytes } from "node:crypto";
import { EngineError, ErrorCode, isEngineError, isNotFound } from "#errors";

const ID_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 25;

/** BuildKit's words for a source that is not there; the reference is an id that means nothing to anybody. */
export function withKeyContext(error: unknown): unknown {
  if (!isEngineError(error) || !isNotFound(error)) return error;
  const reference = `${randomId()}::${randomId()}`;
  const message = `failed to calculate checksum of ref ${reference}: ${error.message}`;
  return new EngineError("not_found", ErrorCode.BAD_REQUEST, message, { cause: error });
}

function randomId(): string {
  return Array.from(randomBytes(ID_LENGTH), (byte) => ID_CHARACTERS[byte % ID_CHARACTERS.length]).join("");
}
