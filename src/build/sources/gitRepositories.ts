import { randomBytes } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { redactUrl } from "#errors";
import { digestOf, hexOf } from "#oci";
import { directoryUsage } from "#snapshots";
import type { BuildCacheRecord } from "../buildService.ts";
import type { CacheOwner } from "../graph/cacheOwner.ts";
import { runGit } from "./gitProgram.ts";
import type { GitAccess } from "./gitProgram.ts";

/** What is written beside a repository. Times are ms since 1970. */
interface Facts {
  readonly id: string;
  readonly description: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly usageCount: number;
}

const FACTS = "facts.json";
const REPOSITORY = "repository";

/** One bare repository for each remote, shared by all builds, used by one at a time: `<root>/<key>/{facts.json,repository/}`. */
export class GitRepositories implements CacheOwner {
  readonly #root: string;
  readonly #now: () => number;
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(root: string, now: () => number) {
    this.#root = root;
    this.#now = now;
  }

  /** Does work on the repository of a remote; it is made when it is not there. */
  async use<T>(remote: string, access: GitAccess, work: (directory: string) => Promise<T>): Promise<T> {
    const key = hexOf(digestOf(remote)).slice(0, 32);
    const before = this.#tails.get(key) ?? Promise.resolve();
    const own = before.then(
      () => this.#use(key, { remote, access }, work),
      () => this.#use(key, { remote, access }, work),
    );
    this.#tails.set(key, own);
    try {
      return await own;
    } finally {
      if (this.#tails.get(key) === own) this.#tails.delete(key);
    }
  }

  async list(): Promise<readonly BuildCacheRecord[]> {
    const records: BuildCacheRecord[] = [];
    for (const { key, facts } of await this.#all())
      records.push({
        id: facts.id,
        parents: [],
        type: "source.git.checkout",
        description: facts.description,
        inUse: this.#tails.has(key),
        shared: false,
        mutable: true,
        size: (await directoryUsage(join(this.#root, key, REPOSITORY))).bytes,
        createdAt: facts.createdAt,
        lastUsedAt: facts.lastUsedAt,
        usageCount: facts.usageCount,
      });
    return records;
  }

  async remove(id: string): Promise<boolean> {
    const found = (await this.#all()).find(({ facts }) => facts.id === id);
    if (found === undefined) return true;
    if (this.#tails.has(found.key)) return false;
    await rm(join(this.#root, found.key), { recursive: true, force: true });
    return true;
  }

  async #use<T>(
    key: string,
    { remote, access }: { readonly remote: string; readonly access: GitAccess },
    work: (directory: string) => Promise<T>,
  ): Promise<T> {
    const folder = join(this.#root, key);
    const directory = join(folder, REPOSITORY);
    const known = await readFacts(folder);
    if (known === undefined) {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await runGit(access, ["-c", "init.defaultBranch=master", "init", "--bare", directory]);
      await runGit(access, ["--git-dir", directory, "remote", "add", "origin", remote]);
    }
    const now = this.#now();
    const fresh = {
      id: randomBytes(16).toString("hex").slice(0, 25),
      description: `shared git repo for ${redactUrl(remote)}`,
      createdAt: now,
      usageCount: 0,
    };
    const { usageCount, ...facts } = known ?? fresh;
    const next: Facts = { ...facts, lastUsedAt: now, usageCount: usageCount + 1 };
    await writeFile(join(folder, FACTS), JSON.stringify(next), { mode: 0o600 });
    return await work(directory);
  }

  async #all(): Promise<readonly { readonly key: string; readonly facts: Facts }[]> {
    const keys = await readdir(this.#root).catch(() => []);
    const all = await Promise.all(keys.map(async (key) => ({ key, facts: await readFacts(join(this.#root, key)) })));
    return all.flatMap(({ key, facts }) => (facts === undefined ? [] : [{ key, facts }]));
  }
}

/** undefined: the repository was never whole. */
async function readFacts(folder: string): Promise<Facts | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, FACTS), "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const { id, description, createdAt, lastUsedAt, usageCount } = value as Readonly<Record<string, unknown>>;
    if (typeof id !== "string" || typeof description !== "string") return undefined;
    return {
      id,
      description,
      createdAt: Number(createdAt),
      lastUsedAt: Number(lastUsedAt),
      usageCount: Number(usageCount),
    };
  } catch {
    return undefined; // made anew
  }
}
