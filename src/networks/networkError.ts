/** Errors in Docker's words. */
import { EngineError, ErrorCode } from "#errors";

export const networkNotFound = (reference: string): EngineError =>
  new EngineError("not_found", ErrorCode.NETWORK_NOT_FOUND, `network ${reference} not found`);

export const networkAmbiguous = (reference: string, count: number): EngineError =>
  new EngineError(
    "invalid_argument",
    ErrorCode.AMBIGUOUS_ID,
    `network ${reference} is ambiguous (${count} matches found based on ID prefix)`,
  );

export const networkExists = (name: string): EngineError =>
  new EngineError("conflict", ErrorCode.NETWORK_EXISTS, `network with name ${name} already exists`);

export const forbidden = (message: string): EngineError =>
  new EngineError("permission_denied", ErrorCode.NETWORK_FORBIDDEN, message);

export const inUse = (message: string): EngineError =>
  new EngineError("permission_denied", ErrorCode.NETWORK_IN_USE, message);

export const badRequest = (message: string): EngineError =>
  new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

export const badFilter = (message: string): EngineError =>
  new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, message);

export const endpointError = (message: string): EngineError =>
  new EngineError("permission_denied", ErrorCode.ENDPOINT, message);

/** A MAC address that no card may have: of a group, or of zeros. */
export const macRefused = (name: string, mac: string, cause: unknown): EngineError =>
  new EngineError(
    "internal",
    ErrorCode.MAC_REFUSED,
    `failed to add interface ${name} to sandbox: error setting interface "${name}" MAC to "${mac}": cannot assign requested address`,
    { cause },
  );

/** Several problems as Docker lists them. */
export function invalidEndpoint(problems: readonly string[], prefix = ""): EngineError {
  const [first = ""] = problems;
  const list = problems.length === 1 ? first : problems.map((problem) => `* ${problem}`).join("\n");
  return badRequest(`${prefix}invalid endpoint settings:\n${list}`);
}
