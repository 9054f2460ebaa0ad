import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";

const SHELLS = ["bash", "zsh", "fish"];

/** `varve completion`. The scripts ask `varve __complete` for words, so they know every command without listing it. */
export const completion: Command = defineCommand({
  use: "bash|zsh|fish",
  short: "Generate the autocompletion script for the specified shell",
  examples: `completion bash > /etc/bash_completion.d/varve
completion zsh > "\${fpath[1]}/_varve"
completion fish > ~/.config/fish/completions/varve.fish`,
  args: { min: 1, max: 1 },
  flags: {},
  async run({ session, args: [shell = ""] }) {
    if (!SHELLS.includes(shell))
      throw new CommandError(`no completion for ${JSON.stringify(shell)}: one of ${SHELLS.join(", ")}`);
    session.print(readFileSync(join(import.meta.dirname, "../completions", `varve.${shell}`), "utf8"));
    return undefined;
  },
});
