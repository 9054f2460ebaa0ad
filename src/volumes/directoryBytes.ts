import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "#host";

/** What is gone meanwhile counts nothing. */
async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Bytes of all files below a directory as their sizes say, each inode once, as `docker system df` counts them. */
export async function directoryBytes(root: string): Promise<number> {
  const seen = new Set<bigint>();
  const waiting = [root];
  let bytes = 0n;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const entries = await orNothing(opendir(folder));
    if (entries === undefined) continue;
    for await (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        waiting.push(path);
        continue;
      }
      const stat = await orNothing(lstat(path, { bigint: true }));
      if (stat === undefined || (stat.nlink > 1n && seen.has(stat.ino))) continue;
      seen.add(stat.ino);
      bytes += stat.size;
    }
  }
  return Number(bytes);
}
