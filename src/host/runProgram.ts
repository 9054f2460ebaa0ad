import { constants } from "node:os";
import type { Readable } from "node:stream";
import { EngineError, ErrorCode } from "#errors";
import { spawnProcess } from "./spawnProcess.ts";
import type { ProgramCall } from "./spawnProcess.ts";

/** How a program ended. Output beyond `maxOutputBytes` is dropped, not kept and not an error. */
export interface ProgramResult {
  /** Exit status, or 128 + signal number as a shell counts. */
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

const DEFAULT_MAX_OUTPUT = 1 << 20;

async function collect(stream: Readable | null, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let kept = 0;
  for await (const chunk of stream ?? []) {
    const bytes: Buffer = Buffer.from(chunk).subarray(0, limit - kept);
    kept += bytes.length;
    if (bytes.length > 0) chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** Runs a program to its end. `input` goes to its stdin; limit per stream 1 MiB unless said. @throws {not_found} MISSING_PROGRAM, {cancelled} */
export async function runProgram(
  call: ProgramCall & { readonly input?: Uint8Array | string; readonly maxOutputBytes?: number },
): Promise<ProgramResult> {
  const limit = call.maxOutputBytes ?? DEFAULT_MAX_OUTPUT;
  const child = await spawnProcess({ ...call, stdio: [call.input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
  const ended = new Promise<number>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  // A program that ends without reading its input is judged by its exit status.
  child.stdin?.on("error", () => {});
  child.stdin?.end(call.input);
  const [stdout, stderr, code] = await Promise.all([collect(child.stdout, limit), collect(child.stderr, limit), ended]);
  if (call.signal?.aborted === true) {
    throw new EngineError("cancelled", ErrorCode.CANCELLED, `${call.file} was cancelled`);
  }
  return { code, stdout, stderr };
}
