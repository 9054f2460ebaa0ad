import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { EngineError, ErrorCode, wrapError } from "#errors";
import { CLOSE_RANGE_CLOEXEC, FIRST_FREE_FD, LAST_FD, SYS } from "./constants.ts";
import { nativeFunction } from "./libc.ts";
import { disownChild, ownChild } from "./orphans.ts";
import { fromNodeError } from "./syscallError.ts";

/** A program to start. No shell is ever between. */
export interface ProgramCall {
  /** Absolute path (see `findProgram`). */
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** The whole environment; absent: the daemon's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** SIGKILL to the child when it aborts. */
  readonly signal?: AbortSignal;
}

/** Child is session leader when `detached`: signals of the daemon's terminal do not reach it. */
export interface SpawnOptions extends ProgramCall {
  readonly stdio: StdioOptions;
  readonly detached?: boolean;
}

const closeRange = nativeFunction<[number, number, number, number]>(
  "int64_t syscall(int64_t, uint32_t, uint32_t, uint32_t)",
);
let isSealed = false;

/**
 * Node opens every file with O_CLOEXEC, but what this process got from its parent (a CI's pipe, say) would go on to its
 * children, and a container's monitor would hold it open for days. Before Linux 5.11 it does.
 */
export function sealInheritedFiles(): void {
  if (isSealed) return;
  isSealed = true;
  closeRange.call(SYS.close_range, FIRST_FREE_FD, LAST_FD, CLOSE_RANGE_CLOEXEC);
}

function startError(file: string, error: unknown): EngineError {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === "ENOENT") {
    return new EngineError("not_found", ErrorCode.MISSING_PROGRAM, `${file}: no such program`, { cause: error });
  }
  if (error instanceof Error && error.name === "AbortError") {
    return new EngineError("cancelled", ErrorCode.CANCELLED, `${file} was cancelled`, { cause: error });
  }
  return wrapError(fromNodeError(error), `cannot start ${file}`);
}

/**
 * Starts a program. The child gets the fds of `stdio` and no other, default signal dispositions and an empty mask.
 * Resolves when it runs. @throws {not_found} MISSING_PROGRAM
 */
export function spawnProcess(options: SpawnOptions): Promise<ChildProcess> {
  const { file, args, cwd, env, signal, stdio, detached } = options;
  sealInheritedFiles();
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...args], {
      stdio,
      detached: detached ?? false,
      killSignal: "SIGKILL",
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      ...(signal === undefined ? {} : { signal }),
    });
    const { pid } = child;
    if (pid !== undefined) {
      ownChild(pid);
      child.once("exit", () => disownChild(pid));
    }
    // Stays for good: an abort is also told here, and without a listener it would end this process.
    child.on("error", (error) => reject(startError(file, error)));
    child.once("spawn", () => resolve(child));
  });
}
