import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { stringFlag } from "../core/flags.ts";
import { inputTerminal, terminalOf } from "../core/session.ts";
import { explore } from "../dive/explore.ts";
import { readImageFacts } from "../dive/imageFacts.ts";
import { openTarget } from "../dive/openTarget.ts";

/** `varve dive`. */
export const dive: Command = defineCommand({
  use: "[OPTIONS] IMAGE",
  short: "Explore an image: its layers, their files, what is wasted",
  examples: `dive debian:12-slim
dive --platform linux/arm64 web`,
  args: { min: 1, max: 1 },
  flags: {
    platform: stringFlag(undefined, 'Which platform of a multi-platform image (e.g. "linux/arm64")'),
  },
  async run({ session, flags, args: [name = ""] }) {
    const input = inputTerminal(session.stdin);
    const output = terminalOf(session.stdout);
    if (input === undefined || output === undefined) throw new CommandError("varve dive: stdout is not a terminal");
    await using image = await openTarget(session, { name, platform: flags.platform });
    await explore(image, await readImageFacts(image), { input, output });
    return undefined;
  },
});
