import { lstat, readdir } from "node:fs/promises";
import type { SnapshotUsage } from "./snapshotter.ts";

/** Bytes as files say (`st_size`), a hard-linked file once; every inode below the directory. Races with its user are no error. */
export async function directoryUsage(root: string): Promise<SnapshotUsage> {
  const seen = new Set<bigint>();
  let bytes = 0n;
  const pending: Buffer[] = [Buffer.from(root)];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const name of await readdir(directory, { encoding: "buffer" }).catch(() => [])) {
      const path = Buffer.concat([directory, Buffer.from("/"), name]);
      const stat = await lstat(path, { bigint: true }).catch(() => undefined);
      if (stat === undefined || seen.has(stat.ino)) continue;
      seen.add(stat.ino);
      if (stat.isDirectory()) pending.push(path);
      else bytes += stat.size;
    }
  }
  return { bytes: Number(bytes), inodes: seen.size };
}
