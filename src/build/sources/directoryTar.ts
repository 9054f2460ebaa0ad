import { constants } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import type { Stats } from "node:fs";
import { writeTarStream } from "#tar";
import type { TarMemberSource } from "#tar";

/** A directory on disk as a tar, itself first, names in byte order, everything root's. Sockets and devices are left out. */
export function directoryTar(root: string): AsyncIterable<Uint8Array> {
  return writeTarStream(all(Buffer.from(root)));
}

async function* all(root: Buffer): AsyncGenerator<TarMemberSource, void, void> {
  const top = await memberOf(root, "./", await lstat(root));
  if (top !== undefined) yield top;
  yield* members(root, "");
}

async function* members(directory: Buffer, prefix: string): AsyncGenerator<TarMemberSource, void, void> {
  const names = await readdir(directory, { encoding: "buffer" });
  names.sort((a, b) => Buffer.compare(a, b));
  for (const name of names) {
    const path = Buffer.concat([directory, Buffer.from("/"), name]);
    const shown = prefix + name.toString("latin1");
    const stat = await lstat(path);
    const member = await memberOf(path, shown, stat);
    if (member !== undefined) yield member;
    if (stat.isDirectory()) yield* members(path, `${shown}/`);
  }
}

async function memberOf(path: Buffer, shown: string, stat: Stats): Promise<TarMemberSource | undefined> {
  const common = { path: shown, mode: stat.mode & 0o7777, mtimeSeconds: Math.floor(stat.mtimeMs / 1000) };
  if (stat.isDirectory()) return { header: { ...common, type: "directory" } };
  if (stat.isSymbolicLink()) {
    const linkPath = (await readlink(path, { encoding: "buffer" })).toString("latin1");
    return { header: { ...common, type: "symlink", linkPath } };
  }
  return stat.isFile()
    ? { header: { ...common, type: "file", size: stat.size }, body: bytesOf(path, stat.size) }
    : undefined;
}

async function* bytesOf(path: Buffer, size: number): AsyncGenerator<Uint8Array, void, void> {
  if (size === 0) return;
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  yield* file.createReadStream({ autoClose: false, end: size - 1 });
}
