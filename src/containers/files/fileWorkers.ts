import { Worker } from "node:worker_threads";
import { EngineError, ErrorCode } from "#errors";
import type { FileJob } from "./fileJobs.ts";
import { FileRun } from "./fileRun.ts";

/** A slow client holds its thread; more of them than this wait for one another. */
const MAX_THREADS = 16;
const IDLE_MS = 30_000;

/** Threads that work on containers' files, one job each at a time; the last idle one stays for a while. */
export class FileWorkers implements AsyncDisposable {
  readonly #busy = new Set<Worker>();
  readonly #runs = new Set<FileRun>();
  readonly #waiting: (() => void)[] = [];
  #idle: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Starts a job; `signal` stops it. */
  async run(job: FileJob, signal?: AbortSignal): Promise<FileRun> {
    while (this.#busy.size >= MAX_THREADS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#closed || signal?.aborted === true) throw cancelled();
    const worker = this.#take();
    const run = new FileRun(worker, job);
    const stop = (): void => run.stop();
    signal?.addEventListener("abort", stop);
    this.#runs.add(run);
    const settle = (): void => {
      signal?.removeEventListener("abort", stop);
      this.#runs.delete(run);
      this.#giveBack(worker);
    };
    void run.result.then(settle, settle);
    return run;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const run of this.#runs) run.stop();
    clearTimeout(this.#timer);
    for (const wake of this.#waiting.splice(0)) wake();
    const idle = this.#idle === undefined ? [] : [this.#idle];
    await Promise.all([...this.#busy, ...idle].map((worker) => worker.terminate()));
  }

  #take(): Worker {
    clearTimeout(this.#timer);
    const worker = this.#idle ?? this.#make();
    this.#idle = undefined;
    this.#busy.add(worker);
    worker.ref();
    return worker;
  }

  /** fds of ours come from system calls, too, which Node does not see. */
  #make(): Worker {
    const worker = new Worker(new URL("./files.worker.ts", import.meta.url), { trackUnmanagedFds: false });
    worker.once("exit", () => {
      if (this.#idle === worker) this.#idle = undefined;
    });
    return worker;
  }

  #giveBack(worker: Worker): void {
    this.#busy.delete(worker);
    this.#waiting.shift()?.();
    if (this.#idle !== undefined || this.#closed) {
      void worker.terminate();
      return;
    }
    worker.unref();
    this.#idle = worker;
    this.#timer = setTimeout(() => {
      this.#idle = undefined;
      void worker.terminate();
    }, IDLE_MS).unref();
  }
}

function cancelled(): EngineError {
  return new EngineError("cancelled", ErrorCode.CANCELLED, "the client went away");
}
