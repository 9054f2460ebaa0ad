import { open, statfs } from "node:fs/promises";
import { nativeFunction } from "./libc.ts";
import { fromNodeError, syscallError } from "./syscallError.ts";

const syncfs = nativeFunction<[number]>("int syncfs(int)");

/** Magic numbers of statfs(2) (linux/magic.h) → the names that Docker's `info` uses. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x61756673, "aufs"],
  [0x9123683e, "btrfs"],
  [0xca451a4e, "bcachefs"],
  [0xe0f5e1e2, "erofs"],
  [0xef53, "extfs"],
  [0xf2f52010, "f2fs"],
  [0x6969, "nfs"],
  [0x794c7630, "overlayfs"],
  [0x858458f6, "ramfs"],
  [0x73717368, "squashfs"],
  [0x01021994, "tmpfs"],
  [0x58465342, "xfs"],
  [0x2fc12fc1, "zfs"],
  [0x65735546, "fuse"],
  [0x01021997, "v9fs"],
]);

/** A filesystem's kind and room. */
export interface FilesystemFacts {
  /** Docker's name: `extfs` `xfs` `btrfs` `overlayfs` `tmpfs` …; `<unknown>` otherwise. */
  readonly type: string;
  readonly totalBytes: number;
  /** What an ordinary user may still take. */
  readonly freeBytes: number;
}

/** About the filesystem that holds `path`. @throws {not_found} */
export async function statFilesystem(path: string): Promise<FilesystemFacts> {
  try {
    const facts = await statfs(path);
    return {
      type: NAMES.get(facts.type >>> 0) ?? "<unknown>",
      totalBytes: facts.blocks * facts.bsize,
      freeBytes: facts.bavail * facts.bsize,
    };
  } catch (error) {
    throw fromNodeError(error);
  }
}

/** Writes everything of the filesystem that holds `path` to its disk (syncfs(2)); waits on libuv's pool. */
export async function syncFilesystem(path: string): Promise<void> {
  const file = await open(path, "r").catch((error: unknown) => {
    throw fromNodeError(error);
  });
  try {
    const { result, errno } = await syncfs.callAsync(file.fd);
    if (result !== 0) throw syscallError({ syscall: "syncfs", path, errno });
  } finally {
    await file.close();
  }
}
