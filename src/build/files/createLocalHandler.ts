import { EngineError, ErrorCode } from "#errors";
import { stat } from "node:fs/promises";
import type { OperationHandler } from "../graph/handler.ts";
import type { LocalSource } from "../graph/operation.ts";

const TRANSFER = "transferring context:";

/** Directories of a client: read in place where it is on this machine. */
export function createLocalHandler(): OperationHandler<LocalSource> {
  return {
    // Whether it changed is seen by looking at it.
    keyInputs: async () => undefined,
    async run({ operation, session, progress }) {
      const path = await session.localDirectory(operation.name);
      if (path === undefined) {
        throw new EngineError("not_implemented", ErrorCode.NOT_IMPLEMENTED, "contexts that a client sends");
      }
      await checkDirectory(path);
      progress.status(TRANSFER, { current: 0, done: true });
      return { kind: "context", directory: { path, excludes: operation.excludes, isOwnedByRoot: true } };
    },
  };
}

async function checkDirectory(path: string): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new EngineError("not_found", ErrorCode.BAD_REQUEST, `path "${path}" not found`, { cause });
  });
  if (found.isDirectory()) return;
  throw new EngineError(
    "invalid_argument",
    ErrorCode.BAD_REQUEST,
    `unable to prepare context: ${path} is no directory`,
  );
}
