import { categoryOf, EngineError, ErrorCode, messageOf } from "#errors";

/** `\u0007` is what JSON writes and Go does not. */
const GO_ESCAPES: Readonly<Record<string, string>> = { "07": "\\a", "0b": "\\v" };

/** As Go's %q. */
function quote(text: string): string {
  return JSON.stringify(text).replace(/\\u00([0-9a-f]{2})/g, (_, hex: string) => GO_ESCAPES[hex] ?? `\\x${hex}`);
}

function failed(words: readonly string[], why: string): string {
  return `process ${quote(words.join(" "))} did not complete successfully: ${why}`;
}

/** A command that ended with another code than it should, in BuildKit's words; `complaint`: why it never began. */
export function exitError(words: readonly string[], exitCode: number, complaint?: string): EngineError {
  const message = failed(words, `exit code: ${exitCode}${complaint === undefined ? "" : `: ${complaint}`}`);
  return new EngineError("internal", ErrorCode.STEP_FAILED, message, { details: { exitCode } });
}

/** A command that could not be run, in BuildKit's words. */
export function stepError(words: readonly string[], cause: unknown): EngineError {
  const category = categoryOf(cause);
  const code = category === "cancelled" ? ErrorCode.CANCELLED : ErrorCode.STEP_FAILED;
  return new EngineError(category, code, failed(words, messageOf(cause)), { cause });
}
