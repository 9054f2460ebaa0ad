import { EngineError, ErrorCode } from "#errors";
import { parseDetachKeys } from "../output/detachKeys.ts";
import { Fields } from "../request/fields.ts";
import type { ConsoleSize, ExecCreateRequest } from "./execService.ts";

/** What an exec runs and how, as asked; absent parts are the container's own. */
export interface ExecConfig {
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
  /** As the client gave them; inspect shows nothing when it gave none. */
  readonly detachKeys: Uint8Array;
  readonly givesDetachKeys: boolean;
  readonly env: readonly string[];
  readonly privileged: boolean;
  readonly user: string;
  readonly workingDir: string;
  readonly consoleSize?: ConsoleSize;
}

/** `[rows, columns]`; undefined for anything else, as a client that has no terminal sends zeros or nothing. */
export function parseConsoleSize(value: unknown): ConsoleSize | undefined {
  if (!Array.isArray(value) || value.length < 2) return undefined;
  const [rows, columns]: readonly unknown[] = value;
  const isSize = (size: unknown): size is number => typeof size === "number" && Number.isInteger(size) && size > 0;
  return isSize(rows) && isSize(columns) ? { rows, columns } : undefined;
}

/** @throws {invalid_argument} `No exec command specified`; {internal} for unknown detach keys, as Docker has it */
export function parseExecRequest(request: ExecCreateRequest): ExecConfig {
  const fields = new Fields(request, "ExecConfig");
  const command = fields.texts("Cmd") ?? [];
  if (command.length === 0)
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "No exec command specified");
  const keys = fields.text("DetachKeys");
  const consoleSize = parseConsoleSize(fields.get("ConsoleSize"));
  return {
    command,
    stdin: fields.flag("AttachStdin"),
    stdout: fields.flag("AttachStdout"),
    stderr: fields.flag("AttachStderr"),
    tty: fields.flag("Tty"),
    detachKeys: parseDetachKeys(keys),
    givesDetachKeys: keys !== "",
    env: fields.texts("Env") ?? [],
    privileged: fields.flag("Privileged"),
    user: fields.text("User"),
    workingDir: fields.text("WorkingDir"),
    ...(consoleSize === undefined ? {} : { consoleSize }),
  };
}
