import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { digestOf } from "#oci";
import type { BuildCacheRecord } from "../buildService.ts";
import type { CacheOwner } from "../graph/cacheOwner.ts";
import type { ContextReceiver, PackedContext } from "./contextDirectory.ts";
import { ContextPack } from "./contextPack.ts";

export interface ContextStoreOptions {
  /** `<data root>/buildkit/contexts`; made when needed. */
  readonly root: string;
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
  readonly context: PackedContext;
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

interface KeptContext {
  readonly directory: string;
  readonly pack: ContextPack;
  record: ContextRecord;
  /** A client is sending it. */
  isBusy: boolean;
}

const RECORD = "record.json";
const PRIVATE = "private";
const ID_BYTES = 16;
const NAME_CHARACTERS = 32;

/**
 * Directories that clients sent, one for each key: `<key's digest>/{record.json, pack, <generation>.list}`. While a client is
 * sending, another one with the same key gets a directory of its own, for that build only.
 */
export class ContextStore implements CacheOwner {
  readonly #options: ContextStoreOptions;
  readonly #bootId = readBootId();
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
    return Array.from(contexts.values(), ({ record, pack, isBusy }) => ({
      id: record.id,
      parents: [],
      type: "source.local",
      description: `local source for ${record.name}`,
      inUse: isBusy || pack.isHeld,
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
      if (context.isBusy || context.pack.isHeld) return false;
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
      const context = name === PRIVATE ? undefined : await loadContext(directory, this.#bootId);
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
    const directory = join(this.#options.root, key);
    const context: KeptContext = {
      directory,
      pack: new ContextPack(directory),
      record: { id, name, bytes: 0, createdAt: now, lastUsedAt: now, uses: 0 },
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
    const held = await context.pack.receive({ send, signal, bootId: this.#bootId, now: this.#options.now() });
    const { record } = context;
    context.record = {
      ...record,
      bytes: held.bytes,
      lastUsedAt: this.#options.now(),
      uses: record.uses + 1,
    };
    await writeRecord(context);
    return held;
  }

  async #receivePrivate(send: (receiver: ContextReceiver) => Promise<void>, signal: AbortSignal): Promise<HeldContext> {
    const directory = join(this.#options.root, PRIVATE, randomUUID());
    await mkdir(directory, { recursive: true, mode: 0o700 });
    try {
      const pack = new ContextPack(directory);
      const { context } = await pack.receive({ send, signal, bootId: this.#bootId, now: this.#options.now() });
      return { context, [Symbol.dispose]: () => void removeTree(directory) };
    } catch (error) {
      await removeTree(directory);
      throw error;
    }
  }
}

/** Another one after each start of the machine. */
function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
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
async function loadContext(directory: string, bootId: string): Promise<KeptContext | undefined> {
  const text = await readFile(join(directory, RECORD), "utf8").catch(() => undefined);
  const record = text === undefined ? undefined : parseRecord(text);
  if (record === undefined) return undefined;
  const pack = await ContextPack.load(directory, bootId);
  return pack === undefined ? undefined : { directory, pack, record, isBusy: false };
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
