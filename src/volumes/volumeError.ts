/** Errors in Docker's words. */
import { EngineError, ErrorCode } from "#errors";

export const noSuchVolume = (name: string): EngineError =>
  new EngineError("not_found", ErrorCode.VOLUME_NOT_FOUND, `get ${name}: no such volume`);

export const noSuchDriver = (name: string, driver: string): EngineError =>
  new EngineError(
    "not_found",
    ErrorCode.VOLUME_NOT_FOUND,
    `create ${name}: error looking up volume plugin ${driver}: plugin ${JSON.stringify(driver)} not found`,
  );

export const inUse = (name: string, holders: Iterable<string>): EngineError =>
  new EngineError(
    "conflict",
    ErrorCode.VOLUME_IN_USE,
    `remove ${name}: volume is in use - [${[...holders].join(", ")}]`,
  );

export const invalidVolume = (name: string, why: string): EngineError =>
  new EngineError("invalid_argument", ErrorCode.INVALID_VOLUME, `create ${name}: ${why}`);

export const invalidFilter = (text: string): EngineError =>
  new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, `invalid filter '${text}'`);
