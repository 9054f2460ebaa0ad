import type { FrameQueue } from "../frameQueue.ts";
import type { StreamHub } from "../streamHub.ts";
import { LineSplitter } from "./lineSplitter.ts";
import type { OutputLine } from "./lineSplitter.ts";
import type { LogReceiver } from "./logSink.ts";

export interface Forwarding {
  /** Bytes that may wait for the receiver before output is dropped; undefined: the container waits. */
  readonly bufferBytes: number | undefined;
  /** Told of what was lost. */
  warn(line: string): void;
}

/** A warning for every so many lines that were lost, and one at the end. */
const WARN_EVERY = 1000;

/** Sends a run's output on, from now to its end. Resolves when all was sent or given up, never rejects. */
export async function forwardOutput(hub: StreamHub, receiver: LogReceiver, options: Forwarding): Promise<void> {
  const queue = hub.join({ stdout: true, stderr: true }, options.bufferBytes);
  await new Forwarder(receiver, queue, options).run();
}

class Forwarder {
  readonly #receiver: LogReceiver;
  readonly #queue: FrameQueue;
  readonly #options: Forwarding;
  #lost = 0;

  constructor(receiver: LogReceiver, queue: FrameQueue, options: Forwarding) {
    this.#receiver = receiver;
    this.#queue = queue;
    this.#options = options;
  }

  async run(): Promise<void> {
    const lines = new LineSplitter();
    for await (const frame of this.#queue) for (const line of lines.push(frame)) await this.#send(line);
    for (const line of lines.end()) await this.#send(line);
    this.#receiver.sink[Symbol.dispose]();
    if (this.#lost % WARN_EVERY > 1) this.#options.warn(`${this.#lost} lines were not taken by the log's receiver`);
    if (this.#queue.dropped > 0) this.#options.warn(`${this.#queue.dropped} bytes did not fit into the log's buffer`);
  }

  async #send(line: OutputLine): Promise<void> {
    const message = this.#receiver.encode(line);
    if (message === undefined || (await this.#receiver.sink.send(message))) return;
    this.#lost += 1;
    if (this.#lost % WARN_EVERY === 1) this.#options.warn(`${this.#lost} lines were not taken by the log's receiver`);
  }
}
