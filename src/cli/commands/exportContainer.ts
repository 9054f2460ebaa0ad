import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { stringFlag } from "../core/flags.ts";
import { terminalOf } from "../core/session.ts";
import { containerPath } from "../stream/forEach.ts";
import { checkOutput, writeWhole } from "../stream/wholeFile.ts";

const FAILURE = "failed to export container";

/** `varve export`. */
export const exportContainer: Command = defineCommand({
  use: "[OPTIONS] CONTAINER",
  short: "Export a container's filesystem as a tar archive",
  examples: `export -o web.tar web
export web | tar -t`,
  args: { min: 1, max: 1 },
  flags: { output: stringFlag("o", "Write to a file, instead of STDOUT") },
  async run({ session, flags, args: [name = ""] }) {
    if (flags.output === "" && terminalOf(session.stdout) !== undefined) {
      throw new CommandError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    if (flags.output !== "") await checkOutput(flags.output, FAILURE);
    const { body } = await session.client.open({ path: containerPath(name, "/export") });
    if (flags.output === "") await pipeline(Readable.from(body, { objectMode: false }), session.stdout, { end: false });
    else await writeWhole(flags.output, body, FAILURE);
    return undefined;
  },
});
