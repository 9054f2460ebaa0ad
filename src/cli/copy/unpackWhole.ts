import { rmSync } from "node:fs";
import type { Stats } from "node:fs";
import { chmod, lstat, mkdtemp, readdir, rename, rm, rmdir, utimes } from "node:fs/promises";
import { join } from "node:path/posix";
import { messageOf } from "#errors";
import type { TarMember } from "#tar";
import { goQuote } from "#gotext";
import { fileProblem } from "../options/fileProblem.ts";
import type { CopyPlan } from "./plan.ts";
import { unpackLocal } from "./unpack.ts";

/** Paths are bytes, one a character, as in the archive. */
const onDisk = (path: string): Buffer => Buffer.from(path, "latin1");
const shown = (path: string): string => goQuote(onDisk(path).toString());
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(onDisk(path));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(onDisk(folder), { encoding: "latin1" })).sort();
}

/** Nothing of the target would be replaced by another kind of thing. @throws {Error} in Docker's words */
async function check(from: string, to: string, root: string): Promise<void> {
  const [source, target] = await Promise.all([statOf(from), statOf(to)]);
  if (source === undefined || target === undefined) return;
  const [fresh, old] = [source.isDirectory(), target.isDirectory()];
  if (fresh !== old) {
    const [was, becomes] = old ? ["directory", "non-directory"] : ["non-directory", "directory"];
    throw new Error(`cannot overwrite ${was} ${shown(to)} with ${becomes} ${shown(root)}`);
  }
  if (fresh) for (const name of await namesIn(from)) await check(join(from, name), join(to, name), root);
}

/** Moves into place; a directory that is there already takes attributes and keeps what else is in it. */
async function move(from: string, to: string): Promise<void> {
  const [source, target] = await Promise.all([statOf(from), statOf(to)]);
  if (source?.isDirectory() !== true || target === undefined) {
    await rename(onDisk(from), onDisk(to));
    return;
  }
  for (const name of await namesIn(from)) await move(join(from, name), join(to, name));
  await chmod(onDisk(to), source.mode & 0o7777);
  await utimes(onDisk(to), source.atime, source.mtime);
  await rmdir(onDisk(from));
}

/**
 * As `unpackLocal`, but all or nothing as far as the archive goes: it is unpacked beside its place, and moved when it has
 * come to its end. An archive that breaks off leaves nothing behind. @throws {Error} in Docker's words
 */
export async function unpackWhole(members: AsyncIterable<TarMember>, plan: CopyPlan): Promise<void> {
  const made = await mkdtemp(join(plan.folder, ".varve-cp-")).catch((error: unknown) => {
    throw error instanceof Error ? new Error(fileProblem(error, "mkdir", plan.folder), { cause: error }) : error;
  });
  const stage = Buffer.from(made).toString("latin1");
  const root = Buffer.from(plan.folder).toString("latin1");
  const stop = (signal: keyof typeof SIGNALS): void => {
    rmSync(onDisk(stage), { recursive: true, force: true });
    process.exit(SIGNALS[signal]);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    await unpackLocal(members, { ...plan, folder: made }).catch((error: unknown) => {
      // Where it was put meanwhile tells nobody anything.
      const text = messageOf(error).replaceAll(made, plan.folder);
      throw text === messageOf(error) ? error : new Error(text, { cause: error });
    });
    const names = await namesIn(stage);
    for (const name of names) await check(join(stage, name), join(root, name), root);
    for (const name of names) await move(join(stage, name), join(root, name));
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    await rm(onDisk(stage), { recursive: true, force: true });
  }
}
