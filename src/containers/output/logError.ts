import { EngineError, ErrorCode } from "#errors";

/** A failure of the driver's own start, which dockerd finds only then. */
export const driverFailed = (message: string): EngineError =>
  new EngineError(
    "internal",
    ErrorCode.BAD_REQUEST,
    `failed to create task for container: failed to initialize logging driver: ${message}`,
  );
