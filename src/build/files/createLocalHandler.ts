import { stat } from "node:fs/promises";
import { EngineError, ErrorCode } from "#errors";
import type { OperationHandler, Step } from "../graph/handler.ts";
import type { Filesystem, LocalSource } from "../graph/operation.ts";
import type { ContextStore } from "./contextStore.ts";
import type { FileWorkers } from "./fileWorkers.ts";

export interface LocalHandlerDependencies {
  readonly workers: FileWorkers;
  readonly contexts: ContextStore;
}

/** It is told for every few packets. */
const SHOWN_EVERY_MS = 50;

/** Directories of a client: read in place where they are on this machine, else received. */
export function createLocalHandler({ contexts, workers }: LocalHandlerDependencies): OperationHandler<LocalSource> {
  return {
    // Whether it changed is seen by looking at it.
    keyInputs: async () => undefined,
    async run(step) {
      const { name, excludes } = step.operation;
      // Whatever is copied from it will want one, and the client is slower than this.
      workers.warm();
      const path = await step.session.localDirectory(name);
      if (path === undefined) return receive(contexts, step);
      await checkDirectory(path);
      step.progress.status(transferOf(name), { current: 0, done: true });
      return { kind: "context", directory: { path, excludes, isOwnedByRoot: true } };
    },
  };
}

async function receive(contexts: ContextStore, step: Step<LocalSource>): Promise<Filesystem> {
  const { session, signal, progress, lease } = step;
  const { name, sharedKey, followPaths, excludes } = step.operation;
  const id = transferOf(name);
  let current = 0;
  let shownAt = 0;
  const onProgress = (bytes: number): void => {
    current = bytes;
    const now = performance.now();
    if (now - shownAt < SHOWN_EVERY_MS) return;
    shownAt = now;
    progress.status(id, { current });
  };
  const held = await contexts.receive(
    { name, sharedKey },
    (receiver) => session.sendDirectory(name, { followPaths, includes: [], excludes, signal, onProgress }, receiver),
    signal,
  );
  lease.hold(held);
  progress.status(id, { current, done: true });
  return { kind: "context", directory: held.context };
}

function transferOf(name: string): string {
  return `transferring ${name}:`;
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
