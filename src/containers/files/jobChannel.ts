import { receiveMessageOnPort } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { EngineError, ErrorCode } from "#errors";
import { CELLS, WINDOW } from "./fileJobs.ts";
import type { FileInput, FileMessage } from "./fileJobs.ts";

/** The thread's end of a job. Its calls block the thread: that is the back-pressure. */
export class JobChannel {
  readonly #port: MessagePort;
  readonly #cells: Int32Array;
  #sent = 0;
  #inputEnded = false;

  constructor(port: MessagePort, cells: Int32Array) {
    this.#port = port;
    this.#cells = cells;
  }

  tell(message: FileMessage): void {
    this.#port.postMessage(message);
  }

  /** Hands bytes over, which must own their buffer; waits while too many are on their way. @throws {cancelled} */
  emit(bytes: Uint8Array<ArrayBuffer>): void {
    this.#port.postMessage({ kind: "chunk", bytes } satisfies FileMessage, [bytes.buffer]);
    this.#sent += 1;
    this.#waitUntil(() => this.#sent - Atomics.load(this.#cells, CELLS.CREDITS) < WINDOW);
  }

  /** The next chunk of the input; undefined at its end. @throws {cancelled} */
  next(): Uint8Array | undefined {
    if (this.#inputEnded) return undefined;
    let input: FileInput | undefined;
    this.#waitUntil(() => {
      const received: { readonly message: FileInput } | undefined = receiveMessageOnPort(this.#port);
      input = received?.message;
      return input !== undefined;
    });
    if (input?.bytes === undefined) this.#inputEnded = true;
    else this.tell({ kind: "taken" });
    return input?.bytes;
  }

  /** For loops that neither send nor receive. @throws {cancelled} */
  checkStop(): void {
    if (Atomics.load(this.#cells, CELLS.STOP) !== 0) {
      throw new EngineError("cancelled", ErrorCode.CANCELLED, "the client went away");
    }
  }

  #waitUntil(holds: () => boolean): void {
    for (;;) {
      const seen = Atomics.load(this.#cells, CELLS.WAKE);
      this.checkStop();
      if (holds()) return;
      Atomics.wait(this.#cells, CELLS.WAKE, seen);
    }
  }
}
