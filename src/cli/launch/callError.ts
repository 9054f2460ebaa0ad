import { messageOf } from "#errors";
import { CommandError } from "../core/commandError.ts";
import { PROGRAM, runHelpHint } from "../core/help.ts";

const BAD_CALL = 125;

/** An error about how the command was called, in the shape that `run` and `create` give it. */
export function callError(command: string, message: string): CommandError {
  return new CommandError(`${PROGRAM}: ${message}\n\n${runHelpHint(command)}`, BAD_CALL);
}

/** Runs what reads the command line; its errors become {@link callError}s. */
export function readingCall<T>(command: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw callError(command, messageOf(error));
  }
}
