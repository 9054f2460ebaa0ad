import { MessageChannel } from "node:worker_threads";
import type { MessagePort, Worker } from "node:worker_threads";
import { decodeError } from "#errors";
import { CELLS, WINDOW } from "./fileJobs.ts";
import type { FileInput, FileJob, FileMessage, FileResult, PathStat } from "./fileJobs.ts";
import type { PostedJob } from "./files.worker.ts";

/** One job on a thread, seen from here. */
export class FileRun implements AsyncIterable<Uint8Array> {
  readonly #started = Promise.withResolvers<PathStat>();
  readonly #result = Promise.withResolvers<FileResult>();
  readonly #cells = new Int32Array(new SharedArrayBuffer(CELLS.COUNT * Int32Array.BYTES_PER_ELEMENT));
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #chunks: Uint8Array[] = [];
  #unacknowledged = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(worker: Worker, job: FileJob) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = worker;
    for (const { promise } of [this.#started, this.#result]) promise.catch(() => undefined);
    port1.on("message", (message: FileMessage) => this.#hear(message));
    worker.on("error", this.#fail).on("exit", this.#gone);
    const { buffer } = this.#cells;
    if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError("cells are shared");
    worker.postMessage({ job, port: port2, cells: buffer } satisfies PostedJob, [port2]);
  }

  /** What the job's path is, before its first byte. */
  get started(): Promise<PathStat> {
    return this.#started.promise;
  }

  get result(): Promise<FileResult> {
    return this.#result.promise;
  }

  /** Makes the thread stop at its next step; `result` rejects then. */
  stop(): void {
    Atomics.store(this.#cells, CELLS.STOP, 1);
    this.#ring();
  }

  /** Hands the whole input over, as fast as the thread takes it; ends early when the job does. */
  async feed(input: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of input) {
      if (this.#ended) return;
      this.#post({ bytes: chunk });
      this.#unacknowledged += 1;
      while (this.#unacknowledged >= WINDOW && !this.#ended) await this.#sleep();
    }
    this.#post({ bytes: undefined });
  }

  /** The job's output; who stops reading ends the job. Not to be iterated twice. @throws what the job failed with */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          yield chunk;
          Atomics.add(this.#cells, CELLS.CREDITS, 1);
          this.#ring();
        } else if (this.#ended) {
          await this.result;
          return;
        } else await this.#sleep();
      }
    } finally {
      this.stop();
    }
  }

  #post(input: FileInput): void {
    this.#port.postMessage(input);
    this.#ring();
  }

  #ring(): void {
    Atomics.add(this.#cells, CELLS.WAKE, 1);
    Atomics.notify(this.#cells, CELLS.WAKE);
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #hear(message: FileMessage): void {
    switch (message.kind) {
      case "started":
        this.#started.resolve(message.stat);
        break;
      case "chunk":
        this.#chunks.push(message.bytes);
        break;
      case "taken":
        this.#unacknowledged -= 1;
        break;
      case "done":
        this.#result.resolve(message.result);
        this.#end();
        break;
      case "failed":
        this.#fail(decodeError(message.error));
        return;
    }
    this.#wake?.();
  }

  readonly #fail = (error: unknown): void => {
    this.#started.reject(error);
    this.#result.reject(error);
    this.#end();
  };

  readonly #gone = (code: number): void => {
    this.#fail(new Error(`the thread for files ended with ${code}`));
  };

  #end(): void {
    this.#ended = true;
    this.#worker.off("error", this.#fail).off("exit", this.#gone);
    this.#port.close();
    this.#wake?.();
  }
}
