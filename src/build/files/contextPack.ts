import { randomUUID } from "node:crypto";
import { open, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { punchHole } from "#host";
import { listedRanges, listHeader } from "./contextList.ts";
import type { ContextListBytes } from "./contextList.ts";
import type { ContextReceiver, PackedContext } from "./contextDirectory.ts";
import { CheckedReceiver } from "./contextReceiver.ts";
import { PackWriter } from "./packWriter.ts";

/** A whole context. It holds what it is of until disposed. */
export interface PackHold extends Disposable {
  readonly context: PackedContext;
  /** Sum of the sizes of its files. */
  readonly bytes: number;
}

export interface PackTransfer {
  readonly send: (receiver: ContextReceiver) => Promise<void>;
  readonly signal: AbortSignal;
  /** Of this machine, since it was started. */
  readonly bootId: string;
  /** ms since 1970 */
  readonly now: number;
}

interface Generation {
  readonly listPath: string;
  holds: number;
}

interface Range {
  readonly offset: number;
  readonly length: number;
}

const PACK = "pack";
const LIST_SUFFIX = ".list";
/** Less is not worth a call each; it is given back with all else, once it is much. */
const PUNCHED_BYTES = 64 << 10;
const MAX_WASTE_BYTES = 256 << 20;

/**
 * What one client sent of one directory, build after build: a file that only grows (`pack`) and a list of what is where in
 * it, written anew when something changed. A build that holds an earlier list is not disturbed by a later one. Lists of
 * another boot are not trusted: nothing here is flushed. One transfer at a time.
 */
export class ContextPack {
  readonly #directory: string;
  readonly #held = new Set<Generation>();
  #current: Generation | undefined;
  #end = 0;
  #wasted = 0;
  #givingBack: Promise<void> = Promise.resolve();

  /** Of an empty directory. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What is there, less what is not whole; undefined: nothing of use. */
  static async load(directory: string, bootId: string): Promise<ContextPack | undefined> {
    const pack = new ContextPack(directory);
    const lists = (await readdir(directory)).filter((name) => name.endsWith(LIST_SUFFIX)).sort();
    const [name] = lists;
    // Two: a transfer was cut off between making the new one and removing the old one.
    if (name === undefined || lists.length > 1) return undefined;
    const listPath = join(directory, name);
    if (listHeader(await readFile(listPath))?.bootId !== bootId) return undefined;
    pack.#current = { listPath, holds: 0 };
    pack.#end = await stat(pack.#packPath).then(
      ({ size }) => size,
      () => 0,
    );
    return pack;
  }

  get isHeld(): boolean {
    return this.#held.size > 0;
  }

  get isEmpty(): boolean {
    return this.#current === undefined;
  }

  get #packPath(): string {
    return join(this.#directory, PACK);
  }

  /** @throws what `send` or the receiver throws; what was there before is still there */
  async receive({ send, signal, bootId, now }: PackTransfer): Promise<PackHold> {
    await this.#givingBack;
    if (this.#wasted > MAX_WASTE_BYTES && !this.isHeld) await this.#clear();
    const before = this.#current;
    const previous = before === undefined ? undefined : await readFile(before.listPath);
    const start = this.#end;
    const writer = new PackWriter(this.#packPath, start);
    const receiver = new CheckedReceiver(writer, previous);
    let list: ContextListBytes | undefined;
    try {
      await untilAborted(send(receiver), signal);
      await writer.finish();
      list = receiver.finish(bootId, now);
    } catch (error) {
      await writer.close();
      this.#end = writer.end;
      if (this.isEmpty) await this.#clear();
      else await this.#giveBack([{ offset: start, length: writer.end - start }]);
      throw error;
    }
    this.#end = writer.end;
    const generation = list === undefined ? before : await this.#keep(list);
    if (generation === undefined) throw new Error("a context that is the same as none");
    if (before !== undefined && before !== generation && before.holds === 0) this.#dropLater(before);
    return this.#hold(generation, receiver.bytes);
  }

  async #keep(list: ContextListBytes): Promise<Generation> {
    const listPath = join(this.#directory, `${randomUUID()}${LIST_SUFFIX}`);
    await writeFile(`${listPath}.new`, list, { mode: 0o600 });
    await rename(`${listPath}.new`, listPath);
    return (this.#current = { listPath, holds: 0 });
  }

  #hold(generation: Generation, bytes: number): PackHold {
    generation.holds += 1;
    this.#held.add(generation);
    let isHeld = true;
    return {
      context: { pack: this.#packPath, list: generation.listPath },
      bytes,
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        generation.holds -= 1;
        if (generation.holds > 0) return;
        this.#held.delete(generation);
        if (generation !== this.#current) this.#dropLater(generation);
      },
    };
  }

  /** The build does not wait for it, the next transfer does. What cannot be given back today goes with the whole context. */
  #dropLater(gone: Generation): void {
    this.#givingBack = this.#givingBack.then(() => this.#drop(gone)).catch(() => undefined);
  }

  /** Of no use any more. */
  async #drop(gone: Generation): Promise<void> {
    const list = await readFile(gone.listPath);
    await rm(gone.listPath, { force: true });
    const used = new Set<number>();
    for (const { listPath } of new Set([...this.#held, ...(this.#current === undefined ? [] : [this.#current])])) {
      for (const { offset } of listedRanges(await readFile(listPath))) used.add(offset);
    }
    await this.#giveBack([...listedRanges(list)].filter(({ offset }) => !used.has(offset)));
  }

  /** Nobody needs these ranges of the pack. */
  async #giveBack(ranges: readonly Range[]): Promise<void> {
    const runs = joined(ranges);
    const large = runs.filter(({ length }) => length >= PUNCHED_BYTES);
    for (const { length } of runs) if (length < PUNCHED_BYTES) this.#wasted += length;
    if (large.length === 0) return;
    try {
      await using file = await open(this.#packPath, "r+");
      for (const { offset, length } of large) punchHole(file.fd, offset, length);
    } catch {
      // Not every filesystem can.
      for (const { length } of large) this.#wasted += length;
    }
  }

  async #clear(): Promise<void> {
    const { listPath } = this.#current ?? {};
    this.#current = undefined;
    this.#end = 0;
    this.#wasted = 0;
    if (listPath !== undefined) await rm(listPath, { force: true });
    await rm(this.#packPath, { force: true });
  }
}

/** Ranges that follow each other as one. */
function joined(ranges: readonly Range[]): readonly Range[] {
  const runs: { offset: number; length: number }[] = [];
  for (const { offset, length } of ranges.toSorted((left, right) => left.offset - right.offset)) {
    const last = runs.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else runs.push({ offset, length });
  }
  return runs;
}

/** A client that says nothing more does not hold up a build that is over. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    // Its own end is heard of nowhere else.
    work.catch(() => undefined);
  }
}
