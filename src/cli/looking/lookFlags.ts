import { CommandError } from "../core/commandError.ts";
import { stringFlag } from "../core/flags.ts";
import type { Flag } from "../core/flags.ts";

/** Of every command that looks into an image. */
export const PLATFORM: Flag<string> = stringFlag(undefined, "Which of an image's platforms (e.g., linux/arm64)");
export const FORMAT_JSON: Flag<string> = stringFlag(undefined, 'Output format: "json"; text without it');

/** True for JSON. @throws {CommandError} for a format that is none */
export function checkFormat(format: string): boolean {
  if (format === "" || format === "text") return false;
  if (format === "json") return true;
  throw new CommandError(`unknown format ${JSON.stringify(format)}: it can be json`);
}
