import { createReadStream, createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

const NEWLINE = 0x0a;
const COPY_BYTES = 1 << 20;

/** Compresses a file that may be renamed or removed meanwhile; `nameOf` says what it is called in the end. Never throws. */
export async function compressFile(path: string, temporary: string, nameOf: () => string): Promise<void> {
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(temporary, { mode: 0o640 }));
    const name = nameOf();
    if (!existsSync(name)) return;
    renameSync(temporary, `${name}.gz`);
    rmSync(name, { force: true });
  } catch {
    // The log goes with its container, or the disk is full: it stays as it is.
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Keeps the whole lines among the last bytes of a file. */
export async function keepTail(path: string, bytes: number): Promise<void> {
  const temporary = `${path}.tmp`;
  const source = await open(path, "r");
  try {
    const { size } = await source.stat();
    const target = await open(temporary, "w", 0o640);
    try {
      const block = Buffer.alloc(COPY_BYTES);
      let found = false;
      for (let at = Math.max(0, size - bytes); at < size; ) {
        const { bytesRead } = await source.read(block, 0, block.length, at);
        if (bytesRead === 0) break;
        at += bytesRead;
        const from = found ? 0 : block.subarray(0, bytesRead).indexOf(NEWLINE) + 1;
        if (!found && from === 0) continue;
        found = true;
        await target.write(block, from, bytesRead - from);
      }
    } finally {
      await target.close();
    }
    await rename(temporary, path);
  } finally {
    await source.close();
  }
}
