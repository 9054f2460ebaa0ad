import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { stringFlag } from "../core/flags.ts";
import { terminalOf } from "../core/session.ts";
import { platformJson } from "./push.ts";

/** A place that can be written to; Docker's words when it is none. */
async function checkOutput(path: string): Promise<void> {
  const fail = (why: string): CommandError => new CommandError(`failed to save image: ${why}`);
  const folder = dirname(path);
  const parent = await stat(folder).catch(() => undefined);
  if (parent === undefined) throw fail(`invalid output path: stat ${folder}: no such file or directory`);
  if (!parent.isDirectory()) throw fail(`invalid output path: stat ${folder}: not a directory`);
  const existing = await stat(path).catch(() => undefined);
  if (existing?.isDirectory() === true) throw fail("cannot write to a directory");
  if (existing?.isCharacterDevice() === true) throw fail("cannot write to a character device file");
}

/** Written beside its place and renamed, so that a broken save leaves no half archive under the name. */
async function writeWhole(path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await pipeline(
      Readable.from(body, { objectMode: false }),
      createWriteStream(temporary, { mode: 0o600, flags: "wx" }),
    );
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new CommandError(`failed to save image: ${messageOf(error)}`);
  }
}

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
    if (flags.platform !== "") await session.client.requireApiVersion("1.48", "--platform");
    if (flags.output === "" && terminalOf(session.stdout) !== undefined) {
      throw new CommandError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    }
    if (flags.output !== "") await checkOutput(flags.output);
    const { body } = await session.client.open({
      path: "/images/get",
      query: { names: args, platform: flags.platform === "" ? undefined : platformJson(flags.platform) },
    });
    if (flags.output === "") await pipeline(Readable.from(body, { objectMode: false }), session.stdout, { end: false });
    else await writeWhole(flags.output, body);
    return undefined;
  },
});
