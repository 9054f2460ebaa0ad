import { MessageChannel } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { ContextMessage, ContextOperation } from "./contextOperations.ts";

/** A message is sent when it holds so much. */
const MESSAGE_BYTES = 256 << 10;
const MESSAGE_OPERATIONS = 1000;
/** Messages that the thread has not answered yet. */
const MAX_MESSAGES = 16;
const NO_BYTES = new Uint8Array(0);

/** Main thread's end of a context that comes in: gathers operations and bytes into messages of a fair size. */
export class ContextChannel {
  /** For the thread. */
  readonly remote: MessagePort;
  readonly #port: MessagePort;
  #operations: ContextOperation[] = [];
  /** Made when there is something to put in: most messages of a large context are entries alone. */
  #data = NO_BYTES;
  #used = 0;
  #unanswered = 0;
  #wake: (() => void)[] = [];
  #isBroken = false;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.remote = port2;
    port1.on("message", () => {
      this.#unanswered -= 1;
      this.#release();
    });
  }

  add(operation: ContextOperation): void {
    this.#operations.push(operation);
    if (this.#operations.length >= MESSAGE_OPERATIONS) this.#send(false);
  }

  write(index: number, chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#data.length === 0) this.#data = new Uint8Array(MESSAGE_BYTES);
      const part = chunk.subarray(at, at + MESSAGE_BYTES - this.#used);
      this.#data.set(part, this.#used);
      const start = this.#used;
      this.#used += part.length;
      at += part.length;
      this.add({ kind: "data", index, start, end: start + part.length });
      if (this.#used === MESSAGE_BYTES) this.#send(false);
    }
  }

  /** Resolves when the thread is not too far behind. */
  async ready(): Promise<void> {
    while (this.#unanswered >= MAX_MESSAGES && !this.#isBroken) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  end(): void {
    this.#send(true);
  }

  /** The thread has stopped, for whatever reason: nobody waits any longer. */
  close(): void {
    this.#isBroken = true;
    this.#port.close();
    this.#release();
  }

  #release(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  #send(isLast: boolean): void {
    const data = this.#data.subarray(0, this.#used);
    const message: ContextMessage = { operations: this.#operations, data, isLast };
    this.#port.postMessage(message, data.length === 0 ? [] : [data.buffer]);
    this.#unanswered += 1;
    this.#operations = [];
    this.#data = NO_BYTES;
    this.#used = 0;
  }
}
