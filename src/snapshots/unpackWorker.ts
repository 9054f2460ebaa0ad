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

const IDLE_MS = 10_000;

/** One thread that unpacks layers, one at a time; started at need, gone when idle for a while. */
export class UnpackWorker implements AsyncDisposable {
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @throws {cancelled} when `signal` fires; nothing writes to the target any more then. */
  run(job: UnpackJob, signal?: AbortSignal): Promise<void> {
    const own = this.#last.then(() => this.#run(job, signal));
    this.#last = own.catch(() => {});
    return own;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await this.#last;
  }

  async #run(job: UnpackJob, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) throw cancelled();
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= new Worker(new URL("./unpack.worker.ts", import.meta.url)));
    const answer = await this.#ask(worker, job, signal);
    worker.unref();
    this.#idle = setTimeout(() => void this.#stop(), IDLE_MS).unref();
    if (!answer.ok) throw decodeError(answer.error);
  }

  async #ask(worker: Worker, job: UnpackJob, signal: AbortSignal | undefined): Promise<UnpackAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<UnpackAnswer>();
    const onExit = (): void => reject(cancelled());
    const onAbort = (): void => void this.#stop();
    worker.on("message", resolve).on("error", reject).on("exit", onExit).ref();
    signal?.addEventListener("abort", onAbort);
    try {
      worker.postMessage(job);
      return await promise;
    } catch (error) {
      await this.#stop();
      throw error;
    } finally {
      worker.off("message", resolve).off("error", reject).off("exit", onExit);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

function cancelled(): EngineError {
  return new EngineError("cancelled", ErrorCode.CANCELLED, "unpacking a layer was cancelled");
}
