import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { messageOf } from "#errors";
import { CommandError } from "../core/commandError.ts";

/** A place that can be written to. @throws {CommandError} in Docker's words when it is none; `failure` stands before. */
export async function checkOutput(path: string, failure: string): Promise<void> {
  const fail = (why: string): CommandError => new CommandError(`${failure}: ${why}`);
  const folder = dirname(path);
  const parent = await stat(folder).catch(() => undefined);
  if (parent === undefined) throw fail(`invalid output path: stat ${folder}: no such file or directory`);
  if (!parent.isDirectory()) throw fail(`invalid output path: stat ${folder}: not a directory`);
  const existing = await stat(path).catch(() => undefined);
  if (existing?.isDirectory() === true) throw fail("cannot write to a directory");
  if (existing?.isCharacterDevice() === true) throw fail("cannot write to a character device file");
}

/** Written beside its place and renamed, so that what breaks leaves no half archive under the name. */
export async function writeWhole(path: string, body: AsyncIterable<Uint8Array>, failure: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await pipeline(
      Readable.from(body, { objectMode: false }),
      createWriteStream(temporary, { mode: 0o600, flags: "wx" }),
    );
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new CommandError(`${failure}: ${messageOf(error)}`);
  }
}
