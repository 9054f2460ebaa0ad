import { Worker } from "node:worker_threads";
import { EngineError, ErrorCode, decodeError } from "#errors";
import { shareCallLists } from "#host";
import { CELL_BYTES, STOP_CELL } from "./fileJobs.ts";
import type { FileJob, FileJobMessage, FileJobResults, PostedFileJob } from "./fileJobs.ts";

export interface FileJobOptions {
  readonly signal: AbortSignal;
  /** The thread that did the last job for the same object is taken, if it is idle. */
  readonly affinity?: object;
}

const MAX_THREADS = 4;
/** To have one ready is worth its memory while somebody works on a Dockerfile; the others go sooner. */
const LAST_IDLE_MS = 600_000;
const IDLE_MS = 20_000;
/** One that has grown goes as soon as nothing follows: its memory never comes back otherwise. */
const LARGE_IDLE_MS = 1000;
const LARGE_HEAP_BYTES = 64 << 20;

/** Threads that read sources and make layers, one job each at a time; idle ones stay for a while. */
export class FileWorkers implements AsyncDisposable {
  readonly #all = new Set<Worker>();
  readonly #idle: Worker[] = [];
  readonly #timers = new Map<Worker, NodeJS.Timeout>();
  readonly #waiting: (() => void)[] = [];
  readonly #last = new WeakMap<object, Worker>();
  readonly #heaps = new WeakMap<Worker, number>();
  #busy = 0;
  #isClosed = false;

  /** @throws what the job throws; {cancelled} when the signal fires */
  async run<K extends FileJob["kind"]>(
    job: Extract<FileJob, { readonly kind: K }>,
    options: FileJobOptions,
  ): Promise<FileJobResults[K]> {
    while (this.#busy >= MAX_THREADS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#isClosed || options.signal.aborted) throw cancelled();
    this.#busy += 1;
    const worker = this.#take(options.affinity);
    try {
      // A job's kind says which result comes back.
      const { result, heapBytes } = await runJob(worker, job, options);
      this.#heaps.set(worker, heapBytes);
      return result as FileJobResults[K];
    } finally {
      this.#busy -= 1;
      this.#park(worker);
      this.#waiting.shift()?.();
    }
  }

  /** Starts a thread ahead of need. */
  warm(): void {
    if (this.#all.size === 0 && !this.#isClosed) this.#park(this.#make());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all(Array.from(this.#all, (worker) => worker.terminate()));
  }

  #take(affinity: object | undefined): Worker {
    const last = affinity === undefined ? undefined : this.#last.get(affinity);
    const at = last === undefined ? -1 : this.#idle.indexOf(last);
    const [found] = at < 0 ? this.#idle.splice(-1) : this.#idle.splice(at, 1);
    const worker = found ?? this.#make();
    if (affinity !== undefined) this.#last.set(affinity, worker);
    clearTimeout(this.#timers.get(worker));
    this.#timers.delete(worker);
    worker.ref();
    return worker;
  }

  #make(): Worker {
    shareCallLists();
    // Descriptors come from system calls of ours, too, which Node does not see.
    const worker = new Worker(new URL("./files.worker.ts", import.meta.url), { trackUnmanagedFds: false });
    this.#all.add(worker);
    // Between jobs nobody listens, and an error must not be an uncaught one.
    worker.on("error", () => this.#forget(worker)).on("exit", () => this.#forget(worker));
    return worker;
  }

  #park(worker: Worker): void {
    if (!this.#all.has(worker)) return;
    worker.unref();
    this.#idle.push(worker);
    const timer = setTimeout(() => {
      this.#forget(worker);
      void worker.terminate();
    }, this.#idleMs(worker));
    this.#timers.set(worker, timer.unref());
  }

  #idleMs(worker: Worker): number {
    if ((this.#heaps.get(worker) ?? 0) > LARGE_HEAP_BYTES) return LARGE_IDLE_MS;
    return this.#all.size === 1 ? LAST_IDLE_MS : IDLE_MS;
  }

  #forget(worker: Worker): void {
    this.#all.delete(worker);
    clearTimeout(this.#timers.get(worker));
    this.#timers.delete(worker);
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

type Done = Extract<FileJobMessage, { readonly kind: "done" }>;

async function runJob(worker: Worker, job: FileJob, { signal }: FileJobOptions): Promise<Done> {
  const cells = new SharedArrayBuffer(CELL_BYTES);
  const view = new Int32Array(cells);
  const { promise, resolve, reject } = Promise.withResolvers<Done>();
  const stop = (): void => {
    Atomics.store(view, STOP_CELL, 1);
  };
  const onMessage = (message: FileJobMessage): void => {
    if (message.kind === "done") resolve(message);
    else reject(decodeError(message.error));
  };
  const onError = (error: Error): void =>
    reject(new EngineError("internal", ErrorCode.INTERNAL, `a file worker failed: ${error.message}`, { cause: error }));
  const onExit = (): void => reject(cancelled());
  worker.on("message", onMessage).on("error", onError).on("exit", onExit);
  signal.addEventListener("abort", stop);
  try {
    const posted: PostedFileJob = { job, cells };
    worker.postMessage(posted);
    return await promise;
  } finally {
    signal.removeEventListener("abort", stop);
    worker.off("message", onMessage).off("error", onError).off("exit", onExit);
  }
}

function cancelled(): EngineError {
  return new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled");
}
