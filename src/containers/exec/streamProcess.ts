import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { resizeTerminal } from "#host";
import type { OutputFrame } from "../containerService.ts";
import { FrameQueue } from "../output/frameQueue.ts";
import type { ExecOutcome, ExecProcess } from "./execProcess.ts";
import type { ConsoleSize } from "./execService.ts";

/** What is left of a process's output is waited for, but not for ever: a child that it left behind may hold the pipe. */
const OUTPUT_GRACE_MS = 2000;

/** Who started a process, and how it ended. */
export interface Starter {
  readonly ended: Promise<number>;
  /** 0 when it is not known (yet). */
  readonly pid: () => number;
  /** A runtime's, which may refuse the program; absent: the program runs. */
  readonly complaint?: () => string | undefined;
  /** The first bytes of stderr wait so long, or until the program's end, to see whether they are the runtime's own. */
  readonly complaintMs?: number;
}

/** Our ends. */
export interface ProcessStreams {
  readonly input: Socket | undefined;
  readonly outputs: readonly (readonly [OutputFrame["stream"], Socket])[];
  /** Input and output are this terminal's master. */
  readonly terminal?: number;
}

/**
 * A process whose streams are pipes or a terminal of our own: a child of this daemon, or below a runtime that waits for it.
 * It does not survive this daemon's end any longer than it can without a reader; a terminal hangs up then.
 */
export class StreamProcess implements ExecProcess {
  readonly #starter: Starter;
  readonly #queue: FrameQueue;
  readonly #outputs: readonly Socket[];
  readonly #input: Socket | undefined;
  readonly #terminal: number | undefined;
  readonly outcome: Promise<ExecOutcome>;
  readonly #drained: Promise<void>;
  #held: Promise<void> = Promise.resolve();
  #ended = false;
  #discarded = false;

  constructor(starter: Starter, { input, outputs, terminal }: ProcessStreams) {
    this.#starter = starter;
    this.#queue = new FrameQueue(() => this.#flow());
    this.#outputs = outputs.map(([, socket]) => socket);
    this.#input = input;
    this.#terminal = terminal;
    input?.on("error", () => undefined); // the process reads no more
    this.outcome = starter.ended.then((code) => this.#judge(code));
    for (const [stream, socket] of outputs) this.#take(stream, socket);
    this.#drained = this.#drain();
  }

  get output(): AsyncIterable<OutputFrame> {
    return this.#read();
  }

  pid(): number {
    return this.#ended ? 0 : this.#starter.pid();
  }

  discard(): void {
    this.#discarded = true;
    this.#queue.discard();
  }

  write(bytes: Uint8Array): Promise<void> {
    const input = this.#input;
    if (input?.writable !== true) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = (): void => {
        input.off("close", settle);
        resolve();
      };
      input.once("close", settle);
      input.write(bytes, settle);
    });
  }

  endInput(): void {
    this.#input?.end();
  }

  resize(size: ConsoleSize): void {
    const [master] = this.#outputs;
    if (this.#terminal !== undefined && master?.destroyed === false) resizeTerminal(this.#terminal, size);
  }

  async *#read(): AsyncGenerator<OutputFrame> {
    yield* this.#queue;
    if (!this.#discarded) await this.#drained;
  }

  #take(stream: OutputFrame["stream"], socket: Socket): void {
    const push = (bytes: Buffer): void => {
      this.#queue.push({ stream, bytes });
      this.#flow();
    };
    socket.on("error", () => socket.destroy());
    const { complaint, complaintMs = 0 } = this.#starter;
    if (stream === "stdout" || complaint === undefined) {
      socket.on("data", push);
      return;
    }
    // The runtime says why it refuses a program in its log, and just before on what would have been the program's stderr.
    socket.once("data", (first: Buffer) => {
      socket.pause();
      this.#held = Promise.race([this.outcome, sleep(complaintMs, undefined, { ref: false })]).then(() => {
        if (complaint() === undefined) push(first);
        socket.on("data", push);
        this.#flow();
      });
    });
  }

  /** A full queue stops the pipes, and they the process. */
  #flow(): void {
    for (const output of this.#outputs) {
      if (this.#queue.isFull) output.pause();
      else if (output.isPaused()) output.resume();
    }
  }

  #judge(code: number): ExecOutcome {
    this.#ended = true;
    // A terminal's input is its output, which is still to be read.
    if (this.#terminal === undefined) this.#input?.destroy();
    const refused = code === 0 ? undefined : this.#starter.complaint?.();
    return refused === undefined ? { code } : { refused };
  }

  async #drain(): Promise<void> {
    const closed = Promise.all(
      this.#outputs.map(async (output) => {
        // Not `once` of node:events, which takes a broken pipe's error for its own.
        if (!output.closed) await new Promise((resolve) => output.once("close", resolve));
      }),
    );
    const whole = closed.then(() => true);
    await this.outcome;
    await this.#held;
    while (!(await Promise.race([whole, sleep(OUTPUT_GRACE_MS, false, { ref: false })]))) {
      // What a slow reader has not taken yet is not lost.
      if (!this.#queue.isFull) break;
    }
    for (const output of this.#outputs) output.destroy();
    this.#queue.end();
  }
}
