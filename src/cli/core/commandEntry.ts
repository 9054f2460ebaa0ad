import type { Command } from "./command.ts";

/** One command and every way to spell it. */
export interface CommandEntry {
  /** First the full name, then the others: `["image ls", "image list", "images"]`. */
  readonly paths: readonly string[];
  readonly short: string;
  readonly load: () => Promise<Command>;
}

/** A line of a table of commands. */
export const entry = (paths: readonly string[], short: string, load: () => Promise<Command>): CommandEntry => ({
  paths,
  short,
  load,
});
