import { Worker } from "node:worker_threads";
import { decodeError, EngineError, ErrorCode, messageOf } from "#errors";
import type { Looked, LookAnswer, LookJob, LookRequest } from "./lookJobs.ts";

/** An idle thread, and the trees that it remembers, ends after this long. */
const IDLE_MS = 20_000;

interface Waiting {
  readonly resolve: (answer: LookAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** The thread that reads indexes and compares them; there while it is asked something, and a little longer. */
export class LookThread implements AsyncDisposable {
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastId = 0;
  readonly #open = new Set<number>();
  readonly #waiting = new Map<number, Waiting>();

  /** Resolves when the head is known; the body is then to be read to its end, or its iterator returned. */
  async run(job: LookJob, signal?: AbortSignal): Promise<Looked> {
    signal?.throwIfAborted();
    const id = (this.#lastId += 1);
    this.#open.add(id);
    const stop = (): void => this.#end(id, cancelled());
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const answer = await this.#ask(id, { id, kind: "start", job });
      if (answer.kind !== "head") throw new Error(`the look thread answered ${answer.kind} to start`);
      return { head: answer.head, body: this.#chunks(id, () => signal?.removeEventListener("abort", stop)) };
    } catch (error) {
      signal?.removeEventListener("abort", stop);
      this.#end(id, error);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#retire();
  }

  async #retire(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#lost(worker, cancelled());
    await worker.terminate();
  }

  async *#chunks(id: number, done: () => void): AsyncGenerator<Uint8Array> {
    try {
      let next = this.#pull(id);
      for (let answer = await next; answer.kind === "chunk"; answer = await next) {
        next = this.#pull(id);
        // Its failure is met by the next turn; a receiver that stops early must not leave it unhandled.
        next.catch(() => undefined);
        yield answer.bytes;
      }
    } finally {
      done();
      this.#end(id, cancelled());
    }
  }

  #pull(id: number): Promise<LookAnswer> {
    return this.#open.has(id) ? this.#ask(id, { id, kind: "pull" }) : Promise.reject(cancelled());
  }

  #ask(id: number, request: LookRequest): Promise<LookAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<LookAnswer>();
    this.#waiting.set(id, { resolve, reject });
    this.#running().postMessage(request);
    return promise;
  }

  #end(id: number, error: unknown): void {
    if (!this.#open.delete(id)) return;
    this.#waiting.get(id)?.reject(error);
    this.#waiting.delete(id);
    this.#worker?.postMessage({ id, kind: "stop" } satisfies LookRequest);
    if (this.#open.size > 0) return;
    this.#worker?.unref();
    this.#timer = setTimeout(() => void this.#retire(), IDLE_MS).unref();
  }

  #running(): Worker {
    clearTimeout(this.#timer);
    const known = this.#worker;
    known?.ref();
    if (known !== undefined) return known;
    const worker = new Worker(new URL("./look.worker.ts", import.meta.url));
    this.#worker = worker;
    worker.on("message", (answer: LookAnswer) => this.#take(answer));
    worker.on("error", (error: unknown) => this.#lost(worker, failure(error)));
    worker.on("exit", () => this.#lost(worker, cancelled()));
    return worker;
  }

  #take(answer: LookAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.kind === "failed") waiting?.reject(decodeError(answer.error));
    else waiting?.resolve(answer);
  }

  #lost(worker: Worker, error: EngineError): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#open.clear();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function cancelled(): EngineError {
  return new EngineError("cancelled", ErrorCode.CANCELLED, "looking into the image was cancelled");
}

function failure(error: unknown): EngineError {
  if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY")
    return new EngineError("resource_exhausted", ErrorCode.LAYER_LIMIT, "not enough memory to look into the image");
  return new EngineError("internal", ErrorCode.INTERNAL, `looking failed: ${messageOf(error)}`, { cause: error });
}
