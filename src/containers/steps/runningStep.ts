import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError, ErrorCode } from "#errors";
import { ExecFiles } from "../exec/execProcess.ts";
import type { ExecOutcome, ExecProcess } from "../exec/execProcess.ts";
import { startWithPipes } from "../exec/pipedProcess.ts";
import { RUNTIME_PREFIX, startFailure } from "../runtime/runtimeError.ts";
import type { Runtime } from "../runtime/chooseRuntime.ts";
import type { StepCall } from "./stepRunner.ts";

/** Where the runtime finds a step. */
export interface StepBundle {
  readonly id: string;
  readonly directory: string;
  readonly runtime: Runtime;
  /** `--root` of the runtime. */
  readonly stateRoot: string;
  /** Whether a program is a directory in the step's root. */
  readonly isDirectory: (program: string) => boolean;
  /** Told when the runtime runs. */
  readonly onStart: () => void;
}

const PID_WAIT_MS = 2;
/** What BuildKit's runtime says before the reason. */
const REFUSED = "runc run failed: unable to start container process: ";
const REFUSED_CODE = 1;

/** Runs what a bundle says to its end. Resolves with the exit code when all output was taken. @throws {cancelled} */
export async function runBundle(bundle: StepBundle, call: StepCall): Promise<number> {
  const { id, directory, runtime, stateRoot } = bundle;
  const files = new ExecFiles(directory);
  const { stdin } = call.process;
  const process = startWithPipes({
    file: runtime.file,
    args: [
      `--root=${stateRoot}`,
      `--log=${files.log}`,
      "--log-format=json",
      "run",
      `--bundle=${directory}`,
      `--pid-file=${join(directory, "pid")}`,
      id,
    ],
    stdin: stdin !== undefined,
    files,
  });
  bundle.onStart();
  const stop = (): void => void killUntil(process);
  call.signal.addEventListener("abort", stop, { once: true });
  if (call.signal.aborted) stop();
  try {
    if (stdin !== undefined) void process.write(Buffer.from(stdin)).then(() => process.endInput());
    for await (const { stream, bytes } of process.output)
      await (stream === "stdout" ? call.onOutput(1, bytes) : call.onOutput(2, inKernelWords(bytes, call)));
    const outcome = await process.outcome;
    if (call.signal.aborted) throw cancelled();
    return await judge(outcome, bundle, call);
  } catch (error) {
    await killUntil(process);
    throw error;
  } finally {
    call.signal.removeEventListener("abort", stop);
  }
}

export function cancelled(): EngineError {
  return new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled");
}

/** The last word of a crun whose log is closed already: what it became cannot be executed here. */
const FOREIGN = /^\{"msg":"exec container process `[^\n]*`: Exec format error","level":"error","time":"[^"\n]*"\}\n$/;
const MAX_COMPLAINT_BYTES = 5000;

function inKernelWords(bytes: Uint8Array, { process: { arguments: words } }: StepCall): Uint8Array {
  if (bytes.length > MAX_COMPLAINT_BYTES || !FOREIGN.test(Buffer.from(bytes).toString("latin1"))) return bytes;
  return Buffer.from(`exec ${words[0]}: exec format error\n`);
}

/** Its first process takes all others with it; a runtime that has not come that far is waited for. */
async function killUntil(running: ExecProcess): Promise<void> {
  running.discard();
  const end = running.outcome.then(() => true);
  do {
    const pid = running.pid();
    if (pid > 0) kill(pid);
  } while (!(await Promise.race([end, sleep(PID_WAIT_MS, false)])));
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has just ended
  }
}

async function judge(outcome: ExecOutcome, { isDirectory }: StepBundle, call: StepCall): Promise<number> {
  if ("code" in outcome) return outcome.code;
  const [program = ""] = call.process.arguments;
  const { error } = startFailure(outcome.refused, "", {
    program,
    isDirectory: () => isDirectory(program),
    rootfs: "/",
    mounts: [],
  });
  const why = error.message.slice(RUNTIME_PREFIX.length).replace(/: unknown(?:: permission denied)?$/, "");
  await call.onOutput(2, Buffer.from(`${REFUSED}${why}\n`));
  return REFUSED_CODE;
}
