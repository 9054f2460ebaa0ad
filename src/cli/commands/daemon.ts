import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { daemonCommand } from "../core/session.ts";

/** `varve daemon`: becomes the daemon; its flags are its own (`varve daemon --help`). */
export const daemon: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Run the varve daemon",
  args: { min: 0 },
  interspersed: false,
  flags: {},
  async run({ args }) {
    const [program = "", ...rest] = daemonCommand(args);
    process.execve?.(program, [program, ...rest], process.env);
    throw new CommandError(`varve: cannot become ${program}`);
  },
});
