import { closeSync } from "node:fs";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { closePipe, openPipe, pipeStream, quickSpawn } from "#host";
import type { QuickChild } from "#host";
import type { OutputFrame } from "../containerService.ts";
import { FrameQueue } from "../output/frameQueue.ts";
import { RUNTIME_ENVIRONMENT } from "../runtime/monitor.ts";
import { lastLogged } from "../runtime/runtimeError.ts";
import { runtimeArguments } from "./execProcess.ts";
import type { ExecCall, ExecFiles, ExecOutcome, ExecProcess } from "./execProcess.ts";

/** What is left of a process's output is waited for, but not for ever: a child that it left behind may hold the pipe. */
const OUTPUT_GRACE_MS = 2000;
/** The first bytes of stderr wait so long, or until the program's end, to see whether they are the runtime's own. */
const COMPLAINT_MS = 20;

/**
 * A process whose streams are pipes of our own, below a runtime that waits for it: the cheapest way, 3 ms. It does not
 * survive this daemon's end any longer than it can without a reader.
 */
class PipedProcess implements ExecProcess {
  readonly #call: Pick<PipedCall, "files">;
  readonly #queue: FrameQueue;
  readonly #outputs: readonly Socket[];
  readonly #input: Socket | undefined;
  readonly outcome: Promise<ExecOutcome>;
  readonly #drained: Promise<void>;
  #held: Promise<void> = Promise.resolve();
  #ended = false;
  #discarded = false;

  constructor(call: Pick<PipedCall, "files">, streams: Streams, exit: Promise<number>) {
    this.#call = call;
    this.#queue = new FrameQueue(() => this.#flow());
    this.#outputs = [streams.stdout, streams.stderr];
    this.#input = streams.stdin;
    this.#input?.on("error", () => undefined); // the process reads no more
    this.outcome = exit.then((code) => this.#judge(code));
    this.#take("stdout", streams.stdout);
    this.#take("stderr", streams.stderr);
    this.#drained = this.#drain();
  }

  get output(): AsyncIterable<OutputFrame> {
    return this.#read();
  }

  pid(): number {
    return this.#ended ? 0 : this.#call.files.readPid();
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

  /** There is no terminal. */
  resize(): void {}

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
    if (stream === "stdout") {
      socket.on("data", push);
      return;
    }
    // The runtime says why it refuses a program in its log, and just before on what would have been the program's stderr.
    socket.once("data", (first: Buffer) => {
      socket.pause();
      this.#held = Promise.race([this.outcome, sleep(COMPLAINT_MS, undefined, { ref: false })]).then(() => {
        if (lastLogged(this.#call.files.log) === undefined) push(first);
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
    this.#input?.destroy();
    const refused = code === 0 ? undefined : lastLogged(this.#call.files.log);
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

interface Streams {
  readonly stdin: Socket | undefined;
  readonly stdout: Socket;
  readonly stderr: Socket;
}

/** A runtime to start that waits for the process which it starts. */
export interface PipedCall {
  readonly file: string;
  readonly args: readonly string[];
  readonly stdin: boolean;
  /** Where the runtime writes its log and the process's number. */
  readonly files: ExecFiles;
}

/** Starts a process with pipes; that the runtime refuses it is told by `outcome`. */
export async function startPiped(call: ExecCall): Promise<ExecProcess> {
  const { files, runtime, containerId, stdin } = call;
  const own = ["exec", "--process", files.process, "--pid-file", files.pid, containerId];
  return startWithPipes({ file: runtime.file, args: [...runtimeArguments(call), ...own], stdin, files });
}

/** See {@link startPiped}. */
export function startWithPipes(call: PipedCall): ExecProcess {
  const { file, args } = call;
  const pipes = { stdin: call.stdin ? openPipe() : undefined, stdout: openPipe(), stderr: openPipe() };
  let child: QuickChild;
  try {
    child = quickSpawn({
      file,
      args,
      env: RUNTIME_ENVIRONMENT,
      fds: [pipes.stdin?.readEnd ?? "ignore", pipes.stdout.writeEnd, pipes.stderr.writeEnd],
    });
  } catch (error) {
    for (const pipe of Object.values(pipes)) if (pipe !== undefined) closePipe(pipe);
    throw error;
  }
  if (pipes.stdin !== undefined) closeSync(pipes.stdin.readEnd);
  closeSync(pipes.stdout.writeEnd);
  closeSync(pipes.stderr.writeEnd);
  const streams = {
    stdin: pipes.stdin === undefined ? undefined : pipeStream(pipes.stdin.writeEnd, "writable"),
    stdout: pipeStream(pipes.stdout.readEnd, "readable"),
    stderr: pipeStream(pipes.stderr.readEnd, "readable"),
  };
  return new PipedProcess(call, streams, child.ended);
}
