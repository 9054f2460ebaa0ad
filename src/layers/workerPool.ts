import { Worker } from "node:worker_threads";
import { EngineError, ErrorCode, decodeError, isCancelled } from "#errors";
import type { Job, JobAnswer, ResultOf } from "./jobs.ts";
import type { StopFlag } from "./stopFlag.ts";

export interface WorkerPoolOptions {
  /** Workers at a time, as long as groups come and go. */
  readonly size: number;
  /**
   * Workers at a time when a group has waited for `patienceMs` (default 10 s): what holds the others may itself wait, for a
   * slow registry or client, and must not hold up everybody else. Default: the size.
   */
  readonly maxSize?: number;
  readonly patienceMs?: number;
  /** An idle worker ends after this long; default 20 s. */
  readonly idleMs?: number;
}

/** Workers that belong to one piece of work, all at once, so that no pipeline waits for its own other end. */
export interface WorkerGroup extends Disposable {
  /** Starts at once while a worker of the group is free, else waits for one. */
  run<J extends Job>(job: J): Promise<ResultOf<J>>;
}

interface Waiting {
  readonly count: number;
  readonly start: () => void;
  /** It has waited long enough to get workers beyond the size. */
  impatient: boolean;
}

const DEFAULT_IDLE_MS = 20_000;
const DEFAULT_PATIENCE_MS = 10_000;
/** Job garbage is small and short-lived; a large young generation would only be resident memory. */
const YOUNG_GENERATION_MB = 2;

/** A few worker threads, started on demand, kept warm for a while, handed out in groups first come first served. */
export class WorkerPool {
  /** Workers at a time. */
  readonly size: number;
  readonly #idleMs: number;
  readonly #idle: Worker[] = [];
  readonly #workers = new Set<Worker>();
  readonly #queue: Waiting[] = [];
  readonly #timers = new Map<Worker, NodeJS.Timeout>();
  readonly #patienceMs: number;
  /** Workers that may still be lent beyond the size. */
  #spare: number;
  /** Workers lent beyond the size. */
  #beyond = 0;
  #free: number;
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.size = options.size;
    this.#idleMs = options.idleMs ?? DEFAULT_IDLE_MS;
    this.#free = options.size;
    this.#spare = Math.max(0, (options.maxSize ?? options.size) - options.size);
    this.#patienceMs = options.patienceMs ?? DEFAULT_PATIENCE_MS;
  }

  /** Waits for `count` workers (at most the pool's size); the caller disposes the group when all its jobs are done. */
  async acquire(count: number): Promise<WorkerGroup> {
    if (count > this.size) throw new RangeError(`a group of ${count} in a pool of ${this.size}`);
    if (this.#queue.length > 0 || this.#free < count) await this.#wait(count);
    else this.#free -= count;
    if (this.#closed) {
      this.#release(count);
      throw new EngineError("cancelled", ErrorCode.CANCELLED, "the layer store was closed");
    }
    return this.#group(count);
  }

  async #wait(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting: Waiting = { count, start: resolve, impatient: false };
    this.#queue.push(waiting);
    const timer = setTimeout(() => {
      waiting.impatient = true;
      this.#serve();
    }, this.#patienceMs).unref();
    await promise;
    clearTimeout(timer);
  }

  /** Hands free workers to those who wait, in order; to the impatient also what may be lent beyond the size. */
  #serve(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const lacking = Math.max(0, next.count - this.#free);
      if (lacking > 0 && (!next.impatient || lacking > this.#spare)) return;
      this.#spare -= lacking;
      this.#beyond += lacking;
      this.#free += lacking - next.count;
      this.#queue.shift();
      next.start();
    }
  }

  /** Starts workers until `count` are idle or the pool is full. */
  warm(count: number): void {
    while (!this.#closed && this.#idle.length < Math.min(count, this.#free)) this.#park(this.#spawn());
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all(Array.from(this.#workers, (worker) => worker.terminate()));
  }

  #group(count: number): WorkerGroup {
    let free = count;
    let held = count;
    const waiting: (() => void)[] = [];
    const done = (): void => {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    };
    return {
      run: async (job) => {
        if (free > 0) free -= 1;
        else await new Promise<void>((start) => waiting.push(start));
        const worker = this.#take();
        try {
          return await runJob(worker, job);
        } finally {
          this.#park(worker);
          done();
        }
      },
      [Symbol.dispose]: () => {
        this.#release(held);
        held = 0;
      },
    };
  }

  /** Takes workers back, first what was lent beyond the size. */
  #release(count: number): void {
    const spared = Math.min(count, this.#beyond);
    this.#beyond -= spared;
    this.#spare += spared;
    this.#free += count - spared;
    this.#serve();
  }

  #take(): Worker {
    const worker = this.#idle.pop() ?? this.#spawn();
    clearTimeout(this.#timers.get(worker));
    this.#timers.delete(worker);
    worker.ref();
    return worker;
  }

  #spawn(): Worker {
    const worker = new Worker(new URL("./layer.worker.ts", import.meta.url), {
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    worker.unref();
    // Many listeners come and go with the jobs; this one keeps an error between jobs from being an uncaught one.
    worker.on("error", () => this.#forget(worker));
    worker.on("exit", () => this.#forget(worker));
    this.#workers.add(worker);
    return worker;
  }

  #park(worker: Worker): void {
    if (!this.#workers.has(worker)) return;
    worker.unref();
    this.#idle.push(worker);
    const timer = setTimeout(() => {
      this.#forget(worker);
      void worker.terminate();
    }, this.#idleMs);
    this.#timers.set(worker, timer.unref());
  }

  #forget(worker: Worker): void {
    this.#workers.delete(worker);
    clearTimeout(this.#timers.get(worker));
    this.#timers.delete(worker);
    const at = this.#idle.indexOf(worker);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

function runJob<J extends Job>(worker: Worker, job: J): Promise<ResultOf<J>> {
  const { promise, resolve, reject } = Promise.withResolvers<ResultOf<J>>();
  const onMessage = (answer: JobAnswer<J>): void => {
    if (answer.ok) resolve(answer.result);
    else reject(decodeError(answer.error));
  };
  const onError = (error: Error): void => reject(workerFailure(error));
  const onExit = (): void => reject(new EngineError("cancelled", ErrorCode.CANCELLED, "a layer worker was stopped"));
  worker.on("message", onMessage).on("error", onError).on("exit", onExit);
  worker.postMessage(job);
  return promise.finally(() => {
    worker.off("message", onMessage).off("error", onError).off("exit", onExit);
  });
}

function workerFailure(error: Error): EngineError {
  if ("code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") {
    return new EngineError("resource_exhausted", ErrorCode.LAYER_LIMIT, "not enough memory to index the layer");
  }
  return new EngineError("internal", ErrorCode.INTERNAL, `a layer worker failed: ${error.message}`, { cause: error });
}

/**
 * All results of jobs that work together. The first failure raises the stop flag, the others are waited for, and the
 * failure that is not merely their being stopped is thrown.
 */
export async function together<T extends readonly unknown[]>(
  stop: StopFlag,
  jobs: { readonly [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const all: readonly Promise<unknown>[] = jobs;
  try {
    return await Promise.all(jobs);
  } catch (first) {
    stop.raise();
    const outcomes = await Promise.allSettled(all);
    const reasons = outcomes.flatMap((outcome): unknown[] => (outcome.status === "rejected" ? [outcome.reason] : []));
    throw reasons.find((reason) => !isCancelled(reason)) ?? first;
  }
}
