import type { Container } from "../container.ts";
import type { OutputFrame } from "../containerService.ts";
import type { Exec } from "./exec.ts";
import type { ExecConfig } from "./execRequest.ts";
import type { ExecProcess } from "./execProcess.ts";

/** A command that runs to its end in a container, its output kept. */
export interface ProbeCall {
  readonly command: readonly string[];
  /** Beside the container's own. */
  readonly env?: readonly string[];
  /** Default: the container's own. */
  readonly user?: string;
  readonly workingDir?: string;
  /** SIGKILL after this long. */
  readonly timeoutMs: number;
  /** What comes after is dropped; it does not stop the command. */
  readonly maxOutputBytes: number;
}

/** How a command ended; stdout and stderr as they came. */
export interface ProbeResult {
  readonly exitCode: number;
  readonly output: string;
  readonly timedOut: boolean;
}

/** Runs commands in containers for the daemon itself: health checks. */
export interface ExecRunner {
  /**
   * Resolves when the command has ended, and with {timedOut} at the latest when its time is over. Tells the events of an
   * exec. @throws when the container does not run, or the program cannot be started, in Docker's words
   */
  run(container: Container, call: ProbeCall): Promise<ProbeResult>;
}

/** What a runner needs of the execs. */
export interface ExecLauncher {
  add(container: Container, config: ExecConfig): Exec;
  launch(exec: Exec, how: { readonly foreground: true }): Promise<ExecProcess>;
  failure(exec: Exec, said: string): Promise<Error>;
}

const KILLED_EXIT_CODE = 137;

async function collect(frames: AsyncIterable<OutputFrame>, limit: number, into: Uint8Array[]): Promise<void> {
  let kept = 0;
  for await (const { bytes } of frames) {
    const part = bytes.subarray(0, limit - kept);
    kept += part.byteLength;
    if (part.byteLength > 0) into.push(part);
  }
}

function kill(process_: ExecProcess): void {
  const pid = process_.pid();
  try {
    if (pid > 0) process.kill(pid, "SIGKILL");
  } catch {
    // It ended in this very moment.
  }
}

export function createExecRunner(execs: ExecLauncher): ExecRunner {
  return {
    run: async (container, call) => {
      const { command, env = [], user = "", workingDir = "", timeoutMs, maxOutputBytes } = call;
      const streams = { stdin: false, stdout: true, stderr: true, tty: false } as const;
      const keys = { detachKeys: new Uint8Array(), givesDetachKeys: false } as const;
      const exec = execs.add(container, { command, env, user, workingDir, privileged: false, ...streams, ...keys });
      const started = await execs.launch(exec, { foreground: true });
      const chunks: Uint8Array[] = [];
      const whole = collect(started.output, maxOutputBytes, chunks).then(() => started.outcome);
      const late = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => late.resolve(undefined), timeoutMs);
      const outcome = await Promise.race([whole, late.promise]);
      clearTimeout(timer);
      const output = Buffer.concat(chunks).toString();
      if (outcome === undefined) {
        kill(started);
        started.discard();
        return { exitCode: KILLED_EXIT_CODE, output, timedOut: true };
      }
      if ("refused" in outcome) throw await execs.failure(exec, outcome.refused);
      return { exitCode: outcome.code, output, timedOut: false };
    },
  };
}
