/** Errors of mounts in Docker's words. */
import { EngineError, ErrorCode } from "#errors";

export const invalidMount = (message: string): EngineError =>
  new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

export const invalidConfig = (type: string, why: string): EngineError =>
  invalidMount(`invalid mount config for type ${JSON.stringify(type)}: ${why}`);

export const duplicateMount = (destination: string): EngineError =>
  invalidMount(`Duplicate mount point: ${destination}`);

export const missingSource = (path: string): EngineError =>
  invalidConfig("bind", `bind source path does not exist: ${path}`);
