import { readFileSync } from "node:fs";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { mountFailure } from "./mountFailure.ts";
import type { MountsOfStart } from "./mountFailure.ts";

/** How a start failed: what clients read, and the exit code that the container gets. */
export interface StartFailure {
  readonly exitCode: 126 | 127 | 128;
  readonly error: EngineError;
}

/** What did not start. */
export interface FailedProgram extends MountsOfStart {
  readonly program: string;
  /** Whether it is a directory in the container's root: runtimes do not always say. */
  readonly isDirectory: () => boolean;
}

type Translation = Omit<StartFailure, "error"> & { readonly text: string };

/** What dockerd puts before the words of a runtime that would not make a container. */
export const RUNC_PREFIX =
  "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ";

/** And of one that made it and could not start the program. */
export const RUNTIME_PREFIX: string = `${RUNC_PREFIX}unable to start container process: `;

/** Docker plugs interfaces in from a hook of the runtime: its words for what fails there. */
export function hookFailed(cause: unknown): EngineError {
  const why = `error running hook #0: error running hook: exit status 1, stdout: , stderr: ${messageOf(cause)}`;
  const message = `${RUNTIME_PREFIX}error during container init: ${why}: unknown`;
  return new EngineError("internal", ErrorCode.RUNTIME_FAILED, message, { cause });
}

/** What a runtime's own words mean; crun's and runc's differ, clients know runc's. */
function translate(text: string, failed: FailedProgram): Translation {
  const mount = mountFailure(text, failed);
  if (mount !== undefined) return mount;
  const { program, isDirectory } = failed;
  const quoted = JSON.stringify(program);
  const lower = text.toLowerCase();
  // crun opens what it shall execute: EPERM (1.8: for no regular file; 1.21: also for no right to execute) or EACCES.
  const refused = /exec|not a regular file/.test(lower) && /permission denied|operation not permitted/.test(lower);
  if (lower.includes("is a directory") || (refused && isDirectory())) {
    return { text: `exec: ${quoted}: is a directory: unknown: permission denied`, exitCode: 126 };
  }
  if (program === "") return { text: 'exec: "": executable file not found in $PATH: unknown', exitCode: 127 };
  if (refused) {
    return { text: `exec: ${quoted}: permission denied: unknown`, exitCode: 126 };
  }
  if (lower.includes("exec format error"))
    return { text: `exec ${program}: exec format error: unknown`, exitCode: 128 };
  if (lower.includes("executable file") && lower.includes("not found")) {
    const why = program.includes("/")
      ? `stat ${program}: no such file or directory`
      : "executable file not found in $PATH";
    return { text: `exec: ${quoted}: ${why}: unknown`, exitCode: 127 };
  }
  if (lower.includes("no such file or directory")) return { text: `${text}: unknown`, exitCode: 127 };
  if (lower.includes("permission denied")) return { text: `${text}: unknown`, exitCode: 126 };
  return { text: `${text}: unknown`, exitCode: 128 };
}

/** The last error in a runtime's `--log-format=json` file. */
export function lastLogged(path: string): string | undefined {
  let lines: readonly string[];
  try {
    lines = readFileSync(path, "utf8").trim().split("\n");
  } catch {
    return undefined; // the runtime did not come that far
  }
  const last = lines.findLast((line) => line.includes('"error"'));
  if (last === undefined) return undefined;
  try {
    const entry: unknown = JSON.parse(last);
    const message: unknown = typeof entry === "object" && entry !== null ? Reflect.get(entry, "msg") : undefined;
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined; // cut off when the runtime was killed
  }
}

/** Docker's words and exit code for a runtime that did not start a program. `said` is what conmon passed on. */
export function startFailure(said: string, runtimeLog: string, failed: FailedProgram): StartFailure {
  const own = said.trim().split("\n").at(-1) ?? "";
  const raw = lastLogged(runtimeLog) ?? (own === "" ? "the runtime gave no reason" : own);
  const { text, exitCode } = translate(
    raw.replace(/^runc create failed: unable to start container process: /, ""),
    failed,
  );
  const category = exitCode === 128 ? "internal" : "invalid_argument";
  const error = new EngineError(category, ErrorCode.RUNTIME_FAILED, RUNTIME_PREFIX + text, { details: { said: raw } });
  return { exitCode, error };
}
