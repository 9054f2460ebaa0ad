const BRAND: string = "varve.CommandError";

/** A failure with its own exit code and text on stderr; the text may have several lines. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = "CommandError";
    Object.defineProperty(this, Symbol.for(BRAND), { value: true });
    this.exitCode = exitCode;
  }
}

/** Answers by brand, so that it holds across copies of this module: part of a command may be bundled, another part not. */
export function isCommandError(error: unknown): error is CommandError {
  return typeof error === "object" && error !== null && Symbol.for(BRAND) in error;
}
