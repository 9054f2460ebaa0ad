import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError, isCommandError } from "../core/commandError.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import { inputTerminal, terminalOf } from "../core/session.ts";
import type { Session } from "../core/session.ts";
import { platformParameter } from "../options/platform.ts";
import { showProgress } from "../stream/progress.ts";

async function openInput(path: string, session: Session): Promise<AsyncIterable<Uint8Array>> {
  if (path === "") {
    if (inputTerminal(session.stdin) !== undefined)
      throw new CommandError("requested load from stdin, but stdin is empty");
    return session.stdin;
  }
  try {
    if ((await stat(path)).isDirectory()) throw new CommandError(`read ${path}: is a directory`);
  } catch (error) {
    if (isCommandError(error)) throw error;
    const missing = error instanceof Error && Reflect.get(error, "code") === "ENOENT";
    throw new CommandError(missing ? `open ${path}: no such file or directory` : messageOf(error));
  }
  return createReadStream(path, { highWaterMark: 1 << 20 });
}

/** `varve load`. */
export const load: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Load an image from a tar archive or STDIN",
  examples: `load -i base.tar
load < images.tar.zst`,
  args: { min: 0, max: 0 },
  flags: {
    input: stringFlag("i", "Read from tar archive file, instead of STDIN"),
    platform: stringFlag(
      undefined,
      'Load only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
    ),
    quiet: boolFlag("q", "Suppress the load output"),
  },
  async run({ session, flags }) {
    const platform = platformParameter(flags.platform);
    if (platform !== undefined) await session.client.requireApiVersion("1.48", "--platform");
    const upload = await openInput(flags.input, session);
    const messages = session.client.lines({
      method: "POST",
      path: "/images/load",
      query: {
        // Without a terminal nobody sees bars; the daemon then sends its plain lines only.
        quiet: flags.quiet || terminalOf(session.stdout) === undefined ? "1" : "0",
        platform,
      },
      upload,
      headers: { "Content-Type": "application/x-tar" },
    });
    await showProgress(messages, session.stdout);
    return undefined;
  },
});
