import { categoryOf, EngineError, ErrorCode, messageOf } from "#errors";
import { goQuote } from "#gotext";

function failed(words: readonly string[], why: string): string {
  return `process ${goQuote(words.join(" "))} did not complete successfully: ${why}`;
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
