import { Worker } from "node:worker_threads";
import { EngineError, ErrorCode, decodeError } from "#errors";
import type { EncodedError } from "#errors";

/** Layer files to be written out into one directory, one after the other. */
export interface UnpackJob {
  readonly sources: readonly string[];
  readonly target: string;
  /** Directories (latin1) whose whiteouts are left out. */
  readonly ghosts: readonly string[];
}

export type UnpackAnswer = { readonly ok: true } | { readonly ok: false; readonly error: EncodedError };

/** Runs the job in a worker of its own. @throws {cancelled} when `signal` fires; the worker has ended by then. */
export async function runUnpackJob(job: UnpackJob, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) throw cancelled();
  const worker = new Worker(new URL("./unpack.worker.ts", import.meta.url), { workerData: job });
  const { promise, resolve, reject } = Promise.withResolvers<UnpackAnswer>();
  worker.on("message", resolve).on("error", reject);
  worker.on("exit", () => reject(cancelled()));
  const stop = (): void => void worker.terminate();
  signal?.addEventListener("abort", stop);
  try {
    const answer = await promise;
    if (!answer.ok) throw decodeError(answer.error);
  } finally {
    signal?.removeEventListener("abort", stop);
    await worker.terminate();
  }
}

function cancelled(): EngineError {
  return new EngineError("cancelled", ErrorCode.CANCELLED, "unpacking a layer was cancelled");
}
