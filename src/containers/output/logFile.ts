import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { parseLogLine } from "./logLine.ts";
import type { LogEntry } from "./logLine.ts";

const BLOCK_BYTES = 64 << 10;
const NEWLINE = 0x0a;

/** Opens a container's log; undefined when it has none. The caller closes it. */
export async function openLog(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch {
    return undefined; // never started, or without a log
  }
}

/** Position in a log from which on there are `lines` complete lines and what follows them. */
export async function findTail(log: FileHandle, lines: number): Promise<number> {
  const { size } = await log.stat();
  if (lines === 0) return size;
  let found = 0;
  let end = size;
  let rest = Buffer.alloc(0);
  // From the back, block by block. An entry's end is known to be a line's only once its head is seen.
  while (end > 0) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const block = Buffer.alloc(end - start);
    await log.read(block, 0, block.byteLength, start);
    rest = Buffer.concat([block, rest]);
    const first = start === 0 ? 0 : rest.indexOf(NEWLINE) + 1;
    let to = rest.byteLength;
    while (to > first) {
      const from = rest.lastIndexOf(NEWLINE, to - 2) + 1;
      if (from < first) break;
      // A last line without its newline counts, too.
      if (parseLogLine(rest.subarray(from, to))?.complete === true || start + to === size) {
        if (found === lines) return start + to;
        found += 1;
      }
      to = from;
    }
    rest = rest.subarray(0, to);
    end = start;
  }
  return 0;
}

/** Entries from a position on, as far as there are whole ones; `read` goes on where it stopped. */
export class LogCursor {
  readonly #log: FileHandle;
  #position: number;

  constructor(log: FileHandle, position: number) {
    this.#log = log;
    this.#position = position;
  }

  async *read(): AsyncGenerator<LogEntry> {
    let size = BLOCK_BYTES;
    for (;;) {
      const block = Buffer.alloc(size);
      const { bytesRead } = await this.#log.read(block, 0, size, this.#position);
      const whole = block.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
      // conmon's entries are shorter than a block, a foreign log's need not be.
      if (whole === 0 && bytesRead === size) size *= 2;
      else if (whole === 0) return;
      for (let from = 0; from < whole; ) {
        const to = block.indexOf(NEWLINE, from) + 1;
        const entry = parseLogLine(block.subarray(from, to));
        from = to;
        if (entry !== undefined) yield entry;
      }
      this.#position += whole;
    }
  }
}
