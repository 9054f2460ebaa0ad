import type { FlagSet, FlagValues } from "./flags.ts";
import type { Session } from "./session.ts";

/** How many arguments a command takes; `max` undefined is any number. */
export interface ArgumentRule {
  readonly min: number;
  readonly max?: number;
}

/** What a command's body gets. */
export interface Invocation<F extends FlagSet> {
  readonly session: Session;
  readonly flags: FlagValues<F>;
  /** Long names of flags that were given, for where absent and default differ. */
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
}

interface CommandParts {
  /** What follows the name in `Usage:`, e.g. `[OPTIONS] IMAGE [IMAGE...]`. */
  readonly use: string;
  readonly short: string;
  /** Replaces `short` in the command's own help. */
  readonly long?: string;
  /** Command lines without the program's name, one a line. */
  readonly examples?: string;
  readonly args: ArgumentRule;
  /** False: flags end at the first argument (`run`). Default true. */
  readonly interspersed?: boolean;
  /** Errors are printed as `varve: …` with a pointer to the help, and exit with 125 (`run`, `create`). */
  readonly ownErrors?: boolean;
}

/** What a command module gives to {@link defineCommand}; `run` answers the exit code, nothing for 0. */
export interface CommandSpec<F extends FlagSet> extends CommandParts {
  readonly flags: F;
  readonly run: (invocation: Invocation<F>) => Promise<number | undefined>;
}

/** A command, its flag types forgotten. */
export interface Command extends CommandParts {
  readonly flags: FlagSet;
  readonly run: (invocation: Invocation<FlagSet>) => Promise<number | undefined>;
}

/** Ties the body of a command to the types of its flags. */
export function defineCommand<F extends FlagSet>(spec: CommandSpec<F>): Command {
  // The values come from parsing exactly `spec.flags`, so they have its types.
  return { ...spec, run: (invocation) => spec.run(invocation as Invocation<F>) };
}
