import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { DiffId } from "#oci";
import { digestOf, hexOf } from "#oci";
import { directoryUsage } from "#snapshots";
import type { BuildCacheRecord } from "../buildService.ts";
import type { CacheOwner } from "../graph/cacheOwner.ts";

/** A directory that steps share across builds. */
export interface CacheMount extends AsyncDisposable {
  readonly path: string;
}

export interface CacheRequest {
  readonly id: string;
  readonly sharing: "shared" | "private" | "locked";
  /** What an empty one begins with; part of its name. */
  readonly seed: readonly DiffId[] | undefined;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** For people: `cached mount /root/.cache from exec /bin/sh -c make`. */
  readonly description: string;
  readonly signal: AbortSignal;
  /** Fills a new one. */
  fill(path: string): Promise<void>;
}

/** What is written beside a cache's directory. Times are ms since 1970. */
interface CacheFacts {
  readonly name: string;
  readonly description: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly usageCount: number;
}

interface Use {
  users: number;
  /** Nobody else may have it. */
  exclusive: boolean;
}

const DEFAULT_MODE = 0o755;
const CONTENT = "content";
const FACTS = "facts.json";

/**
 * Directories of `--mount=type=cache`, `<root>/<id>/content` each, beside `facts.json`. Several may have one name: with
 * `private` sharing a step takes one that is free. A directory without facts is one that a crash cut off: it goes.
 */
export class CacheMounts implements CacheOwner {
  readonly #root: string;
  readonly #now: () => number;
  readonly #inUse = new Map<string, Use>();
  readonly #waiting = new Set<() => void>();
  /** Makes of new ones under way, by name. */
  readonly #making = new Map<string, Promise<string>>();

  /** `root`: `<data root>/buildkit/cache-mounts`. */
  constructor(root: string, now: () => number) {
    this.#root = root;
    this.#now = now;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    for (const id of readdirSync(root)) {
      if (!existsSync(join(root, id, FACTS))) rmSync(join(root, id), { recursive: true, force: true });
    }
  }

  /** Resolves when the step may use it: `locked` ones wait for each other. @throws {cancelled} by `signal` */
  async open(request: CacheRequest): Promise<CacheMount> {
    const name = nameOf(request);
    for (;;) {
      request.signal.throwIfAborted();
      const id = await this.#choose(name, request);
      if (id !== undefined) return this.#take(id, request);
      await this.#nextRelease(request.signal);
    }
  }

  /** One that may be used now; undefined: wait. */
  async #choose(name: string, request: CacheRequest): Promise<string | undefined> {
    const known = this.#ids().filter((id) => this.#read(id)?.name === name);
    const free = known.filter((id) => !this.#inUse.has(id));
    switch (request.sharing) {
      case "private":
        return free[0] ?? this.#make(name, request);
      case "shared": {
        const open = known.find((id) => this.#inUse.get(id)?.exclusive !== true);
        return open ?? (known.length > 0 ? undefined : this.#makeOnce(name, request));
      }
      case "locked":
        return free[0] ?? (known.length > 0 ? undefined : this.#makeOnce(name, request));
    }
  }

  #makeOnce(name: string, request: CacheRequest): Promise<string | undefined> {
    const making = this.#making.get(name);
    // Who made it takes it first; the others look again.
    if (making !== undefined) return making.then(() => undefined);
    const made = this.#make(name, request).finally(() => this.#making.delete(name));
    this.#making.set(name, made);
    return made;
  }

  async #make(name: string, request: CacheRequest): Promise<string> {
    const id = newId();
    const content = join(this.#root, id, CONTENT);
    try {
      mkdirSync(content, { recursive: true, mode: 0o700 });
      chmodSync(content, DEFAULT_MODE);
      await request.fill(content);
      const { uid, gid } = statSync(content);
      chownSync(content, request.uid ?? uid, request.gid ?? gid);
      if (request.mode !== undefined) chmodSync(content, request.mode);
      const now = this.#now();
      this.#write(id, { name, description: request.description, createdAt: now, lastUsedAt: now, usageCount: 0 });
      return id;
    } catch (error) {
      await rm(join(this.#root, id), { recursive: true, force: true });
      throw error;
    }
  }

  #take(id: string, { sharing }: CacheRequest): CacheMount {
    const use = this.#inUse.get(id) ?? { users: 0, exclusive: false };
    use.users += 1;
    use.exclusive = sharing !== "shared";
    this.#inUse.set(id, use);
    const facts = this.#read(id);
    if (facts !== undefined) this.#write(id, { ...facts, lastUsedAt: this.#now(), usageCount: facts.usageCount + 1 });
    return {
      path: join(this.#root, id, CONTENT),
      [Symbol.asyncDispose]: async () => {
        use.users -= 1;
        if (use.users === 0) this.#inUse.delete(id);
        for (const wake of this.#waiting) wake();
      },
    };
  }

  async #nextRelease(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#waiting.add(wake);
    signal.addEventListener("abort", wake, { once: true });
    try {
      await promise;
    } finally {
      this.#waiting.delete(wake);
      signal.removeEventListener("abort", wake);
    }
  }

  async list(): Promise<readonly BuildCacheRecord[]> {
    const records: BuildCacheRecord[] = [];
    for (const id of this.#ids()) {
      const facts = this.#read(id);
      if (facts === undefined) continue;
      records.push({
        id,
        parents: [],
        type: "exec.cachemount",
        description: facts.description,
        inUse: this.#inUse.has(id),
        shared: false,
        mutable: true,
        size: (await directoryUsage(join(this.#root, id, CONTENT))).bytes,
        createdAt: facts.createdAt,
        lastUsedAt: facts.lastUsedAt,
        usageCount: facts.usageCount,
      });
    }
    return records;
  }

  async remove(id: string): Promise<boolean> {
    if (this.#inUse.has(id)) return false;
    if (!this.#ids().includes(id)) return true;
    // First the facts: from now on nobody finds it.
    rmSync(join(this.#root, id, FACTS), { force: true });
    await rm(join(this.#root, id), { recursive: true, force: true });
    return true;
  }

  #ids(): readonly string[] {
    return readdirSync(this.#root).sort();
  }

  #read(id: string): CacheFacts | undefined {
    try {
      const facts: unknown = JSON.parse(readFileSync(join(this.#root, id, FACTS), "utf8"));
      return isFacts(facts) ? facts : undefined;
    } catch {
      return undefined; // it is being made or removed
    }
  }

  #write(id: string, facts: CacheFacts): void {
    const path = join(this.#root, id, FACTS);
    writeFileSync(`${path}.tmp`, JSON.stringify(facts), { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
  }
}

const ID_BYTES = 16;
const ID_CHARACTERS = 25;

/** As BuildKit names its records. */
function newId(): string {
  return BigInt(`0x${randomBytes(ID_BYTES).toString("hex")}`)
    .toString(36)
    .padStart(ID_CHARACTERS, "0");
}

function isFacts(value: unknown): value is CacheFacts {
  if (typeof value !== "object" || value === null) return false;
  const is = (key: string, type: string): boolean => typeof Reflect.get(value, key) === type;
  return (
    is("name", "string") &&
    is("description", "string") &&
    ["createdAt", "lastUsedAt", "usageCount"].every((key) => is(key, "number"))
  );
}

function nameOf({ id, seed }: CacheRequest): string {
  return hexOf(digestOf(JSON.stringify([id, seed ?? null])));
}
