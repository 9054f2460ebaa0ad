import { readFile, rename, writeFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isDigest, parseDiffId } from "#oci";
import type { DiffId, Digest } from "#oci";

/** What a URL gave last time. */
export interface HttpRecord {
  readonly etag: string;
  readonly digest: Digest;
  readonly filename: string;
  /** seconds since 1970 */
  readonly modified: number;
  readonly diffId: DiffId;
}

const MAX_RECORDS = 1000;

/** ETags by URL and wish, in one small file: whether the layers are still here is for others to say. */
export class HttpRecords {
  readonly #path: string;
  #records: Promise<Map<string, HttpRecord>> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async get(key: string): Promise<HttpRecord | undefined> {
    return (await this.#open()).get(key);
  }

  async put(key: string, record: HttpRecord): Promise<void> {
    const records = await this.#open();
    records.delete(key);
    records.set(key, record);
    for (const oldest of [...records.keys()].slice(0, Math.max(0, records.size - MAX_RECORDS))) records.delete(oldest);
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.new`;
    await writeFile(temporary, JSON.stringify([...records]), { mode: 0o600 });
    await rename(temporary, this.#path);
  }

  #open(): Promise<Map<string, HttpRecord>> {
    return (this.#records ??= readRecords(this.#path));
  }
}

/** What cannot be read is asked for again. */
async function readRecords(path: string): Promise<Map<string, HttpRecord>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    const pairs: readonly unknown[] = Array.isArray(value) ? value : [];
    return new Map(pairs.flatMap((pair) => parsePair(pair)));
  } catch {
    return new Map();
  }
}

function parsePair(pair: unknown): [string, HttpRecord][] {
  if (!Array.isArray(pair)) return [];
  const [key, record] = pair as readonly unknown[];
  if (typeof key !== "string" || typeof record !== "object" || record === null) return [];
  const { etag, digest, filename, modified, diffId } = record as Readonly<Record<string, unknown>>;
  if (typeof etag !== "string" || typeof filename !== "string" || typeof modified !== "number") return [];
  if (typeof digest !== "string" || !isDigest(digest) || typeof diffId !== "string" || !isDigest(diffId)) return [];
  return [[key, { etag, digest, filename, modified, diffId: parseDiffId(diffId) }]];
}
