import { closeSync } from "node:fs";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { closePipe, openPipe, pipeStream, quickSpawn, spawnInside, warmCgroups } from "#host";
import type { PipeEnds, QuickChild } from "#host";
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
/** So long where a refusal is likely: the host has tried and failed. A busy machine lets a runtime wait in the midst of it. */
const LIKELY_COMPLAINT_MS = 500;

/** Who started a process, and how it ended. */
interface Starter {
  readonly ended: Promise<number>;
  /** 0 when it is not known (yet). */
  readonly pid: () => number;
  /** A runtime's, which may refuse the program; absent: the program runs. */
  readonly complaint?: () => string | undefined;
  readonly complaintMs?: number;
}

/**
 * A process whose streams are pipes of our own: a child of this daemon, or below a runtime that waits for it. It does not
 * survive this daemon's end any longer than it can without a reader.
 */
class PipedProcess implements ExecProcess {
  readonly #starter: Starter;
  readonly #queue: FrameQueue;
  readonly #outputs: readonly Socket[];
  readonly #input: Socket | undefined;
  readonly outcome: Promise<ExecOutcome>;
  readonly #drained: Promise<void>;
  #held: Promise<void> = Promise.resolve();
  #ended = false;
  #discarded = false;

  constructor(starter: Starter, streams: Streams) {
    this.#starter = starter;
    this.#queue = new FrameQueue(() => this.#flow());
    this.#outputs = [streams.stdout, streams.stderr];
    this.#input = streams.stdin;
    this.#input?.on("error", () => undefined); // the process reads no more
    this.outcome = starter.ended.then((code) => this.#judge(code));
    this.#take("stdout", streams.stdout);
    this.#take("stderr", streams.stderr);
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
    const { complaint, complaintMs = COMPLAINT_MS } = this.#starter;
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
    this.#input?.destroy();
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

interface Pipes {
  readonly stdin: PipeEnds | undefined;
  readonly stdout: PipeEnds;
  readonly stderr: PipeEnds;
}

const openPipes = (stdin: boolean): Pipes => ({
  stdin: stdin ? openPipe() : undefined,
  stdout: openPipe(),
  stderr: openPipe(),
});

/** What the child gets. */
const childEnds = ({ stdin, stdout, stderr }: Pipes): readonly [number | "ignore", number, number] => [
  stdin?.readEnd ?? "ignore",
  stdout.writeEnd,
  stderr.writeEnd,
];

function closeChildEnds(pipes: Pipes): void {
  for (const fd of childEnds(pipes)) if (fd !== "ignore") closeSync(fd);
}

const ourEnds = ({ stdin, stdout, stderr }: Pipes): Streams => ({
  stdin: stdin === undefined ? undefined : pipeStream(stdin.writeEnd, "writable"),
  stdout: pipeStream(stdout.readEnd, "readable"),
  stderr: pipeStream(stderr.readEnd, "readable"),
});

/**
 * Starts a process with pipes: by the host itself where that is possible, else by the runtime, also when the host could
 * not: then the runtime says why. That it refuses is told by `outcome`.
 */
export async function startPiped(call: ExecCall): Promise<ExecProcess> {
  const { files, runtime, containerId, stdin, inside, process } = call;
  const pipes = openPipes(stdin);
  const child = inside === undefined ? undefined : await spawnInside({ ...inside, fds: childEnds(pipes) });
  if (child !== undefined) {
    closeChildEnds(pipes);
    return new PipedProcess({ ended: child.ended, pid: () => child.pid }, ourEnds(pipes));
  }
  void warmCgroups();
  files.write(process);
  const own = ["exec", "--process", files.process, "--pid-file", files.pid, containerId];
  const complaintMs = inside === undefined ? COMPLAINT_MS : LIKELY_COMPLAINT_MS;
  return startRuntime({ file: runtime.file, args: [...runtimeArguments(call), ...own], files, complaintMs }, pipes);
}

/** Starts a runtime that waits for the process which it starts, with pipes. */
export function startWithPipes(call: PipedCall): ExecProcess {
  return startRuntime({ ...call, complaintMs: COMPLAINT_MS }, openPipes(call.stdin));
}

type RuntimeCall = Omit<PipedCall, "stdin"> & Pick<Required<Starter>, "complaintMs">;

function startRuntime({ file, args, files, complaintMs }: RuntimeCall, pipes: Pipes): ExecProcess {
  let child: QuickChild;
  try {
    child = quickSpawn({ file, args, env: RUNTIME_ENVIRONMENT, fds: childEnds(pipes) });
  } catch (error) {
    for (const pipe of Object.values(pipes)) if (pipe !== undefined) closePipe(pipe);
    throw error;
  }
  closeChildEnds(pipes);
  const complaint = (): string | undefined => lastLogged(files.log);
  return new PipedProcess({ ended: child.ended, pid: () => files.readPid(), complaint, complaintMs }, ourEnds(pipes));
}
