import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { stringFlag } from "../core/flags.ts";
import { terminalOf } from "../core/session.ts";
import { platformParameter } from "../options/platform.ts";
import { checkOutput, writeWhole } from "../stream/wholeFile.ts";

const FAILURE = "failed to save image";

/** `varve save`. */
export const save: Command = defineCommand({
  use: "[OPTIONS] IMAGE [IMAGE...]",
  short: "Save one or more images to a tar archive (streamed to STDOUT by default)",
  examples: `save -o base.tar debian:12-slim
save debian:12-slim nginx | zstd > images.tar.zst`,
  args: { min: 1 },
  flags: {
    output: stringFlag("o", "Write to a file, instead of STDOUT"),
    platform: stringFlag(
      undefined,
      'Save only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
    ),
  },
  async run({ session, flags, args }) {
    const platform = platformParameter(flags.platform);
    if (platform !== undefined) await session.client.requireApiVersion("1.48", "--platform");
    if (flags.output === "" && terminalOf(session.stdout) !== undefined) {
      throw new CommandError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    if (flags.output !== "") await checkOutput(flags.output, FAILURE);
    const { body } = await session.client.open({
      path: "/images/get",
      query: { names: args, platform },
    });
    if (flags.output === "") await pipeline(Readable.from(body, { objectMode: false }), session.stdout, { end: false });
    else await writeWhole(flags.output, body, FAILURE);
    return undefined;
  },
});
