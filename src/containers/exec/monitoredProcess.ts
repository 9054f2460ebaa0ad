import { Readable, Writable } from "node:stream";
import { constants } from "node:fs";
import { writeFile } from "node:fs/promises";
import { connectPacketSocket, spawnProcess, waitForProcess, warmCgroups } from "#host";
import type { OutputFrame } from "../containerService.ts";
import type { FrameQueue } from "../output/frameQueue.ts";
import { StreamHub } from "../output/streamHub.ts";
import { CreateFailed, parseReport, RUNTIME_ENVIRONMENT } from "../runtime/monitor.ts";
import { lastLogged } from "../runtime/runtimeError.ts";
import { runtimeArguments } from "./execProcess.ts";
import type { ExecCall, ExecOutcome, ExecProcess } from "./execProcess.ts";
import type { ConsoleSize } from "./execService.ts";

/** The runtime said no before the program ran. */
export class ExecRefused extends Error {}

function monitorArguments(call: ExecCall): readonly string[] {
  const { files, runtime, process, containerId } = call;
  const fixed = "--api-version 1 --full-attach --log-level error --exec -l none".split(" ");
  const named = {
    "-c": containerId,
    "-n": containerId,
    "-u": files.directory.split("/").at(-1) ?? "",
    "-r": runtime.file,
    "-b": files.directory,
    "-p": files.pid,
    "--exec-process-spec": files.process,
  };
  return [
    ...fixed,
    ...Object.entries(named).flat(),
    ...runtimeArguments(call).flatMap((argument) => ["--runtime-arg", argument]),
    ...(call.foreground ? ["--exec-attach"] : []),
    ...(process.terminal === true ? ["-t"] : []),
    ...(call.stdin ? ["-i"] : []),
  ];
}

/**
 * A process below a conmon of its own, which holds its terminal and sees its end: it lives on without this daemon. For
 * terminals, whose master must not be lost, and for what runs detached.
 */
class MonitoredProcess implements ExecProcess {
  readonly #call: ExecCall;
  readonly #hub: StreamHub;
  readonly #queue: FrameQueue;
  readonly #pid: number;
  readonly outcome: Promise<ExecOutcome>;
  #ended = false;
  #discarded = false;

  constructor(call: ExecCall, hub: StreamHub, pid: number, exit: Promise<number>) {
    this.#call = call;
    this.#hub = hub;
    this.#pid = pid;
    this.#queue = hub.join({ stdout: true, stderr: true });
    this.outcome = exit.then((code) => {
      this.#ended = true;
      return { code };
    });
    if (!call.foreground) this.discard();
    waitForProcess(pid)
      .then(() => hub.flush())
      .catch(() => undefined); // only a reader that is too slow would notice
  }

  get output(): AsyncIterable<OutputFrame> {
    return this.#read();
  }

  pid(): number {
    return this.#ended ? 0 : this.#pid;
  }

  discard(): void {
    this.#discarded = true;
    this.#hub.leave(this.#queue);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#hub.write(bytes);
  }

  endInput(): void {
    this.#hub.endInput();
  }

  resize({ rows, columns }: ConsoleSize): void {
    const flag = constants.O_WRONLY | constants.O_NONBLOCK;
    // It has just ended: nobody is left to see the size.
    writeFile(this.#call.files.control, `1 ${rows} ${columns}\n`, { flag }).catch(() => undefined);
  }

  async *#read(): AsyncGenerator<OutputFrame> {
    yield* this.#queue;
    if (!this.#discarded) await this.outcome;
  }
}

/** Resolves when the program runs. @throws {ExecRefused} with the runtime's words */
export async function startMonitored(call: ExecCall): Promise<ExecProcess> {
  void warmCgroups();
  call.files.write(call.process);
  const child = await spawnProcess({
    file: call.runtime.conmon,
    args: monitorArguments(call),
    cwd: call.files.directory,
    env: {
      ...RUNTIME_ENVIRONMENT,
      _OCI_SYNCPIPE: "3",
      _OCI_STARTPIPE: "4",
      ...(call.foreground ? { _OCI_ATTACHPIPE: "5" } : {}),
    },
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe", "pipe"],
    detached: true,
  });
  child.unref();
  const [, , , report, go, attached]: readonly unknown[] = child.stdio;
  if (!(report instanceof Readable) || !(go instanceof Writable) || !(attached instanceof Readable))
    throw new Error("conmon was started without pipes");
  go.on("error", () => undefined); // conmon ended first: the report tells why
  attached.on("error", () => undefined);
  const hub = new StreamHub();
  const lines = linesOf(report);
  try {
    if (call.foreground) {
      go.write("\0");
      await firstByte(attached);
      hub.connect(connectPacketSocket(call.files.directory, "attach"));
    }
    go.end("\0");
    attached.destroy();
    const pid = parseReport(await nextLine(lines));
    const exit = nextLine(lines).then(parseExit, () => LOST_EXIT_CODE);
    return new MonitoredProcess(call, hub, pid, exit);
  } catch (error) {
    hub.end();
    report.destroy();
    if (!(error instanceof CreateFailed)) throw error;
    throw new ExecRefused(lastLogged(call.files.log) ?? error.message);
  }
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const line = await lines.next();
  return line.done === true ? "" : line.value;
}

/** Its monitor was killed: what became of the process is not known. */
const LOST_EXIT_CODE = 137;

function parseExit(line: string): number {
  const [, code] = /"data":\s*(-?\d+)/.exec(line) ?? [];
  return code === undefined ? LOST_EXIT_CODE : Number(code);
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of stream) {
    const lines = (text + String(chunk)).split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}

async function firstByte(stream: Readable): Promise<void> {
  for await (const _ of stream) return;
}
