import { EntryReader } from "#host";
import type { EntryToRead, ReadEntry } from "#host";
import { baseNameOf, parentOf } from "#tar";
import type { KeptContents } from "./keptContents.ts";
import type { SourceEntry } from "./sourceTree.ts";

/** Told of a file that was read whole, with `Date.now()` of before. */
type OnRead = (read: ReadEntry, readAt: number) => void;

export interface ReadAheadOptions {
  /** Gets the contents, as long as it has room. */
  readonly kept: KeptContents;
  /** An open directory by its path; undefined: none. It stays open while 48 others ((READERS + 1) × MAX_DIRECTORIES) are asked for. */
  readonly open: (path: string) => number | undefined;
}

/** Larger ones are read one by one, in pieces. */
const MAX_FILE_BYTES = 128 << 10;
const MAX_BATCH_BYTES = 1 << 20;
/** Batches under way: while two threads read, this one looks at what a third has brought. */
const READERS = 3;
const MAX_DIRECTORIES = 12;

/** Of this thread: their buffers are larger than most files. */
const readers: EntryReader[] = [];

interface Batch {
  readonly files: EntryToRead[];
  readonly entries: { readonly path: string; readonly onRead: OnRead }[];
  readonly directories: Set<number>;
  bytes: number;
}

/**
 * Small files, read and hashed in batches on libuv's pool: one call for 256 files where there were six for each, and on all
 * processors. What cannot be read so is simply not told of.
 */
export class ReadAhead {
  readonly #options: ReadAheadOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #free: EntryReader[] = readers.splice(0);
  #batch = newBatch();
  #failure: unknown;

  constructor(options: ReadAheadOptions) {
    this.#options = options;
    while (this.#free.length < READERS) this.#free.push(new EntryReader());
  }

  takes({ type, size }: SourceEntry): boolean {
    return type === "file" && size <= MAX_FILE_BYTES;
  }

  /** Waits while all readers are busy. */
  async add({ path, size }: SourceEntry, onRead: OnRead): Promise<void> {
    const directory = this.#options.open(parentOf(path));
    if (directory === undefined) return;
    const { files, entries, directories } = this.#batch;
    files.push({ directory, name: baseNameOf(path), size });
    entries.push({ path, onRead });
    directories.add(directory);
    this.#batch.bytes += size;
    const isFull =
      files.length === EntryReader.capacity ||
      directories.size === MAX_DIRECTORIES ||
      this.#batch.bytes + MAX_FILE_BYTES > MAX_BATCH_BYTES;
    if (isFull) await this.#start();
  }

  /** Resolves when all that was added is read. */
  async finish(): Promise<void> {
    if (this.#batch.files.length > 0) await this.#start();
    await Promise.all(this.#running);
    readers.push(...this.#free);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #start(): Promise<void> {
    const batch = this.#batch;
    this.#batch = newBatch();
    const reader = this.#free.pop();
    if (reader === undefined) throw new Error("no reader is free");
    const run = this.#read(reader, batch)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#free.push(reader);
        this.#running.delete(run);
      });
    this.#running.add(run);
    if (this.#free.length === 0) await Promise.race(this.#running);
  }

  async #read(reader: EntryReader, { files, entries, bytes }: Batch): Promise<void> {
    const room = this.#options.kept.allocate(bytes);
    const target = room ?? Buffer.allocUnsafeSlow(bytes);
    const readAt = Date.now();
    const found = await reader.read(files, target);
    let place = 0;
    for (const [index, { path, onRead }] of entries.entries()) {
      const [read, size] = [found[index], files[index]?.size ?? 0];
      if (read !== undefined) {
        if (room !== undefined) this.#options.kept.set(path, room.subarray(place, place + size));
        onRead(read, readAt);
      }
      place += size;
    }
  }
}

function newBatch(): Batch {
  return { files: [], entries: [], directories: new Set(), bytes: 0 };
}
