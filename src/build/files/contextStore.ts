import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { digestOf } from "#oci";
import type { BuildCacheRecord } from "../buildService.ts";
import type { CacheOwner } from "../graph/cacheOwner.ts";
import { ContextChannel } from "./contextChannel.ts";
import type { ContextReceiver } from "./contextDirectory.ts";
import type { ContextOperation } from "./contextOperations.ts";
import { CheckedReceiver, decodeList } from "./contextReceiver.ts";
import type { ContextList } from "./contextReceiver.ts";
import type { FileWorkers } from "./fileWorkers.ts";

export interface ContextStoreOptions {
  /** `<data root>/buildkit/contexts`; made when needed. */
  readonly root: string;
  readonly workers: FileWorkers;
  /** ms since 1970 */
  readonly now: () => number;
}

export interface ContextKey {
  /** The client's name of the directory. */
  readonly name: string;
  /** The same directory of the same client again; "": never again. */
  readonly sharedKey: string;
}

/** A whole context; it stays as it is until disposed. */
export interface HeldContext extends Disposable {
  readonly path: string;
  /** Stays the same from build to build. */
  readonly key: string;
}

/** What `record.json` of a context says. */
interface ContextRecord {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly uses: number;
}

/** A directory with all files of a context as a client once sent them. */
interface Generation {
  readonly root: string;
  readonly listPath: string;
  /** undefined: on disk. */
  list: ContextList | undefined;
  holds: number;
  /** Goes when nobody holds it. */
  isObsolete: boolean;
}

interface KeptContext {
  readonly directory: string;
  readonly key: string;
  record: ContextRecord;
  current: Generation | undefined;
  /** A client is sending it. */
  isBusy: boolean;
}

const LIST_SUFFIX = ".list";
const RECORD = "record.json";
const PRIVATE = "private";
const ID_BYTES = 16;
const NAME_CHARACTERS = 32;

/**
 * Directories that clients sent, one for each key: `<key's digest>/{record.json, <generation>/, <generation>.list}`. A
 * generation without its list is not whole and is removed; nothing in it was ever used. While a build holds a generation, a
 * client that sends something else gets a copy (by hard links: files are replaced, never changed); while a client is
 * sending, another one with the same key gets a directory of its own, for that build only.
 */
export class ContextStore implements CacheOwner {
  readonly #options: ContextStoreOptions;
  #contexts: Promise<Map<string, KeptContext>> | undefined;

  constructor(options: ContextStoreOptions) {
    this.#options = options;
  }

  /** Lets `send` fill a directory; it is there when this resolves. @throws what `send` or the receiver throws */
  async receive(
    key: ContextKey,
    send: (receiver: ContextReceiver) => Promise<void>,
    signal: AbortSignal,
  ): Promise<HeldContext> {
    const contexts = await this.#open();
    const context = key.sharedKey === "" ? undefined : this.#contextOf(contexts, key);
    if (context === undefined || context.isBusy) return this.#receivePrivate(send, signal);
    // In the same step as the look at it: a prune must not come between.
    context.isBusy = true;
    try {
      await mkdir(context.directory, { recursive: true, mode: 0o700 });
      return await this.#receiveShared(context, send, signal);
    } finally {
      context.isBusy = false;
    }
  }

  async list(): Promise<readonly BuildCacheRecord[]> {
    const contexts = await this.#open();
    return Array.from(contexts.values(), ({ record, current, isBusy }) => ({
      id: record.id,
      parents: [],
      type: "source.local",
      description: `local source for ${record.name}`,
      inUse: isBusy || (current?.holds ?? 0) > 0,
      shared: false,
      mutable: true,
      size: record.bytes,
      createdAt: record.createdAt,
      lastUsedAt: record.lastUsedAt,
      usageCount: record.uses,
    }));
  }

  async remove(id: string): Promise<boolean> {
    const contexts = await this.#open();
    for (const [name, context] of contexts) {
      if (context.record.id !== id) continue;
      if (context.isBusy || (context.current?.holds ?? 0) > 0) return false;
      // Until it is out of the way, builds with its key take directories of their own.
      context.isBusy = true;
      const gone = join(this.#options.root, PRIVATE, randomUUID());
      await mkdir(dirname(gone), { recursive: true, mode: 0o700 });
      await rename(context.directory, gone).catch(() => undefined);
      contexts.delete(name);
      await removeTree(gone);
    }
    return true;
  }

  #open(): Promise<Map<string, KeptContext>> {
    return (this.#contexts ??= this.#load());
  }

  /** Reads what is there and removes what is not whole. */
  async #load(): Promise<Map<string, KeptContext>> {
    const contexts = new Map<string, KeptContext>();
    await mkdir(this.#options.root, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#options.root)) {
      const directory = join(this.#options.root, name);
      const context = name === PRIVATE ? undefined : await loadContext(directory);
      if (context === undefined) await rm(directory, { recursive: true, force: true });
      else contexts.set(name, context);
    }
    return contexts;
  }

  #contextOf(contexts: Map<string, KeptContext>, { name, sharedKey }: ContextKey): KeptContext {
    const key = digestOf(JSON.stringify([name, sharedKey]))
      .slice("sha256:".length)
      .slice(0, NAME_CHARACTERS);
    const known = contexts.get(key);
    if (known !== undefined) return known;
    const now = this.#options.now();
    const id = randomBytes(ID_BYTES).toString("hex").slice(0, 25);
    const context: KeptContext = {
      directory: join(this.#options.root, key),
      key: `context ${key}`,
      record: { id, name, bytes: 0, createdAt: now, lastUsedAt: now, uses: 0 },
      current: undefined,
      isBusy: false,
    };
    contexts.set(key, context);
    return context;
  }

  async #receiveShared(
    context: KeptContext,
    send: (receiver: ContextReceiver) => Promise<void>,
    signal: AbortSignal,
  ): Promise<HeldContext> {
    const { current } = context;
    const previous = current === undefined ? new Map<string, string>() : await listOf(current);
    const isHeld = current !== undefined && current.holds > 0;
    const generation = current === undefined || isHeld ? newGeneration(context.directory) : current;
    const before: ContextOperation[] = isHeld ? [{ kind: "clone", from: current.root }] : [];
    // Not to be taken up by anybody until it is whole again.
    if (!isHeld) context.current = undefined;
    let receiver: CheckedReceiver;
    try {
      receiver = await this.#transfer(generation, { previous, before, send, signal });
    } catch (error) {
      if (!isHeld) context.current = await wholeOrGone(generation);
      else await removeTree(generation.root);
      throw error;
    }
    const isNew = receiver.isChanged || current === undefined;
    const used = isNew ? generation : current;
    used.list = receiver.list;
    if (used !== current && current !== undefined) letGo(current);
    context.current = used;
    const { record } = context;
    context.record = {
      ...record,
      bytes: receiver.bytes,
      lastUsedAt: this.#options.now(),
      uses: record.uses + 1,
    };
    await writeRecord(context);
    return hold(used, context.key);
  }

  async #receivePrivate(send: (receiver: ContextReceiver) => Promise<void>, signal: AbortSignal): Promise<HeldContext> {
    const directory = join(this.#options.root, PRIVATE);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const generation = newGeneration(directory);
    generation.isObsolete = true;
    try {
      await this.#transfer(generation, { previous: new Map(), before: [], send, signal });
    } catch (error) {
      await removeGeneration(generation);
      throw error;
    }
    return hold(generation, `context ${generation.root}`);
  }

  async #transfer(generation: Generation, transfer: Transfer): Promise<CheckedReceiver> {
    const { previous, before, send, signal } = transfer;
    const channel = new ContextChannel();
    const receiver = new CheckedReceiver(channel, previous, [...before, { kind: "begin" }]);
    const stop = new AbortController();
    const place = { root: generation.root, list: generation.listPath };
    const written = this.#options.workers.run(
      { kind: "receive", place, port: channel.remote },
      { signal: AbortSignal.any([signal, stop.signal]) },
    );
    // Whoever waits for the thread must not wait for one that has failed.
    written.catch(() => channel.close());
    try {
      await Promise.race([send(receiver), written.then(() => undefined)]);
      receiver.finish();
      channel.end();
      await written;
      return receiver;
    } catch (error) {
      stop.abort();
      channel.close();
      await written.catch(() => undefined);
      throw error;
    } finally {
      channel.close();
    }
  }
}

interface Transfer {
  readonly previous: ContextList;
  readonly before: readonly ContextOperation[];
  readonly send: (receiver: ContextReceiver) => Promise<void>;
  readonly signal: AbortSignal;
}

function newGeneration(directory: string): Generation {
  const root = join(directory, randomUUID());
  return { root, listPath: `${root}${LIST_SUFFIX}`, list: undefined, holds: 0, isObsolete: false };
}

async function listOf(generation: Generation): Promise<ContextList> {
  return (generation.list ??= decodeList(await readFile(generation.listPath, "utf8")));
}

/** After a transfer that failed: nothing may have happened to it yet. */
async function wholeOrGone(generation: Generation): Promise<Generation | undefined> {
  const isWhole = await stat(generation.listPath).then(
    () => true,
    () => false,
  );
  if (isWhole) return generation;
  await removeGeneration(generation);
  return undefined;
}

function hold(generation: Generation, key: string): HeldContext {
  generation.holds += 1;
  let isHeld = true;
  return {
    path: generation.root,
    key,
    [Symbol.dispose]: () => {
      if (!isHeld) return;
      isHeld = false;
      generation.holds -= 1;
      if (generation.isObsolete && generation.holds === 0) void removeGeneration(generation);
    },
  };
}

function letGo(generation: Generation): void {
  generation.isObsolete = true;
  if (generation.holds === 0) void removeGeneration(generation);
}

/** The list first: what has lost it is not whole. Failing is no harm: the next start tries again. */
async function removeGeneration({ root, listPath }: Generation): Promise<void> {
  await rm(listPath, { force: true }).catch(() => undefined);
  await removeTree(root);
}

async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}

async function writeRecord({ directory, record }: KeptContext): Promise<void> {
  const path = join(directory, RECORD);
  const temporary = `${path}.new`;
  await writeFile(temporary, JSON.stringify(record));
  await rename(temporary, path);
}

/** undefined: nothing of use is there. */
async function loadContext(directory: string): Promise<KeptContext | undefined> {
  const text = await readFile(join(directory, RECORD), "utf8").catch(() => undefined);
  const record = text === undefined ? undefined : parseRecord(text);
  if (record === undefined) return undefined;
  const names = await readdir(directory);
  const [list, ...others] = names.filter((name) => name.endsWith(LIST_SUFFIX));
  const root = list === undefined ? undefined : join(directory, list.slice(0, -LIST_SUFFIX.length));
  if (root === undefined || others.length > 0) return undefined;
  for (const name of names) {
    const path = join(directory, name);
    if (name !== RECORD && name !== list && path !== root) await rm(path, { recursive: true, force: true });
  }
  return {
    directory,
    key: `context ${directory.slice(directory.lastIndexOf("/") + 1)}`,
    record,
    current: { root, listPath: `${root}${LIST_SUFFIX}`, list: undefined, holds: 0, isObsolete: false },
    isBusy: false,
  };
}

function parseRecord(text: string): ContextRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const number = (name: string): number => Number(Reflect.get(value, name));
    const record: ContextRecord = {
      id: String(Reflect.get(value, "id")),
      name: String(Reflect.get(value, "name")),
      bytes: number("bytes"),
      createdAt: number("createdAt"),
      lastUsedAt: number("lastUsedAt"),
      uses: number("uses"),
    };
    return Object.values(record).some((field) => Number.isNaN(field)) ? undefined : record;
  } catch {
    return undefined; // torn by a crash
  }
}
