import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { compressFile, keepTail } from "./logStorage.ts";
import type { LogLimits } from "./logDriver.ts";

/** One file of a log. Generations grow; the newest is being written. */
export interface LogSegment {
  readonly generation: number;
  readonly path: string;
  readonly compressed: boolean;
}

/** conmon: close the log and open it anew. */
const REOPEN = "2 0 0\n";
/** A log's size is looked at when it may have grown by half of what is left, but not more often than this. */
const LEAST_BYTES = 16 << 10;

/**
 * The files of a container's log: `container.log`, which conmon writes, and full ones behind it, `.1` being the newest. A
 * full file is renamed, then conmon is told to open its log anew; what it writes until it does so goes to the renamed one,
 * so that nothing is lost. All of it happens within one turn of the event loop, so that whoever lists and opens files in
 * one turn sees one state.
 */
export class LogFiles {
  readonly path: string;
  readonly #control: string;
  #limits: LogLimits = { maxBytes: Infinity, maxFiles: 1, compress: false };
  #generation = 0;
  /** Bytes that the container wrote since the file was looked at. */
  #unseen = 0;
  #nextLook = 0;
  #lastSize = 0;
  /** Inode of the file that was last turned away: conmon may not have left it yet. */
  #turned: number | undefined;
  #compressing: Promise<void> = Promise.resolve();

  constructor(path: string, control: string) {
    this.path = path;
    this.#control = control;
  }

  /** Before a run, and when one is taken up. */
  limit(limits: LogLimits): void {
    this.#limits = limits;
  }

  /** A daemon was away and nobody turned the log: bounds what grew meanwhile. */
  async takeUp(): Promise<void> {
    const { maxBytes, maxFiles } = this.#limits;
    if (this.#size() <= maxBytes) return;
    const isHuge = this.#size() > maxBytes * Math.max(2, maxFiles);
    this.#turn();
    if (isHuge && maxFiles > 1) await keepTail(`${this.path}.1`, maxBytes);
  }

  /** The container wrote so many bytes. */
  wrote(bytes: number): void {
    this.#unseen += bytes;
    if (this.#unseen < this.#nextLook) return;
    const { maxBytes } = this.#limits;
    let size = this.#size();
    // On the disk a short line is several times as long.
    const growth = Math.max(1, (size - this.#lastSize) / this.#unseen);
    if (size > maxBytes) {
      this.#turn();
      size = 0;
    }
    this.#unseen = 0;
    this.#lastSize = size;
    this.#nextLook = Math.max(LEAST_BYTES, (maxBytes - size) / growth / 2);
  }

  /** Oldest first. Open them before the next await. */
  segments(): readonly LogSegment[] {
    const name = basename(this.path);
    const found = this.#names().flatMap((entry) => {
      const [, index, gz] = /^\.(\d+)(\.gz)?$/.exec(entry.slice(name.length)) ?? [];
      if (entry === name) return [{ generation: this.#generation, path: this.path, compressed: false }];
      if (index === undefined || !entry.startsWith(name)) return [];
      const segment = { generation: this.#generation - Number(index), compressed: gz !== undefined };
      return [{ ...segment, path: join(dirname(this.path), entry) }];
    });
    return found.sort((a, b) => a.generation - b.generation);
  }

  /** The oldest segment that is newer than a generation. */
  next(generation: number): LogSegment | undefined {
    return this.segments().find((segment) => segment.generation > generation);
  }

  #names(): readonly string[] {
    try {
      return readdirSync(dirname(this.path));
    } catch {
      return []; // the container is being removed
    }
  }

  #size(): number {
    const stat = statSync(this.path, { throwIfNoEntry: false });
    // Right after a turn the old file may still stand under the old name: it counts no more.
    return stat === undefined || stat.ino === this.#turned ? 0 : stat.size;
  }

  #turn(): void {
    const { maxFiles, compress } = this.#limits;
    this.#shift(maxFiles);
    const first = `${this.path}.1`;
    renameSync(this.path, first);
    this.#turned = statSync(first).ino;
    this.#generation += 1;
    this.#tellMonitor();
    if (maxFiles < 2) rmSync(first, { force: true });
    else if (compress) this.#compressLater(this.#generation - 1);
  }

  #shift(maxFiles: number): void {
    const indexes = this.segments()
      .map(({ generation, compressed }) => [this.#generation - generation, compressed ? ".gz" : ""] as const)
      .filter(([index]) => index > 0)
      .sort(([a], [b]) => b - a);
    for (const [index, suffix] of indexes) {
      const from = `${this.path}.${index}${suffix}`;
      if (index + 1 >= maxFiles) rmSync(from, { force: true });
      else renameSync(from, `${this.path}.${index + 1}${suffix}`);
    }
  }

  #tellMonitor(): void {
    try {
      const fd = openSync(this.#control, constants.O_WRONLY | constants.O_NONBLOCK);
      writeSync(fd, REOPEN);
      closeSync(fd);
    } catch {
      // It has ended, and writes no more.
    }
  }

  /** Full files are compressed one after the other, while they may be renamed again; see `segments`. */
  #compressLater(generation: number): void {
    const nameOf = (): string => `${this.path}.${this.#generation - generation}`;
    this.#compressing = this.#compressing.then(async () => {
      // conmon must have left the file: it has when the new one is there.
      for (let attempt = 0; attempt < 100 && !existsSync(this.path); attempt += 1)
        await new Promise((resolve) => setTimeout(resolve, 10).unref());
      await compressFile(nameOf(), `${this.path}.tmp.gz`, nameOf);
    });
  }
}
