import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { SolveStatus } from "#engineapi";
import type { BuildHistory, BuildRecord, HistoryEvent, HistoryStart, RunningBuild } from "./buildHistory.ts";
import { StepTally } from "./stepTally.ts";

const MAX_RECORDS = 200;
const MAX_BYTES = 64 << 20;
const MAX_LOG_BYTES = 8 << 20;
/** A record as it lies on disk is small; what is larger is none of ours. */
const MAX_RECORD_BYTES = 1 << 20;
const REF = /^[A-Za-z0-9_-]{1,128}$/;
const RECORD = ".json";
const LOG = ".log.gz";

const pack = promisify(gzip);
const unpack = promisify(gunzip);

interface Entry {
  record: BuildRecord;
  /** While it runs, and until it is on disk. */
  statuses: SolveStatus[] | undefined;
  /** On disk. */
  bytes: number;
}

export interface HistoryOptions {
  /** `undefined`: nothing outlives the daemon. */
  readonly directory: string | undefined;
  readonly now: () => number;
  readonly onFailure: (error: unknown) => void;
}

function readRecord(path: string): BuildRecord | undefined {
  try {
    if (statSync(path).size > MAX_RECORD_BYTES) return undefined;
    const value = JSON.parse(readFileSync(path, "utf8")) as BuildRecord;
    const { ref, createdAt, completedAt, error, attributes, exports, response } = value;
    if (!REF.test(ref) || typeof createdAt !== "number" || typeof completedAt !== "number") return undefined;
    const isWhole = [attributes, exports, response].every((part) => typeof part === "object" && part !== null);
    return isWhole ? { ...value, error, completedAt } : undefined;
  } catch {
    // Half a file: the next record takes its place.
    return undefined;
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    // A record whose output is gone is one without output.
    return 0;
  }
}

class FileHistory implements BuildHistory {
  readonly #options: HistoryOptions;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<(event: HistoryEvent, record: BuildRecord) => void>();
  readonly #writing = new Set<Promise<void>>();

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#load();
  }

  list(): readonly BuildRecord[] {
    return [...this.#entries.values()].map(({ record }) => record).reverse();
  }

  get(ref: string): BuildRecord | undefined {
    return this.#entries.get(ref)?.record;
  }

  async statuses(ref: string): Promise<readonly SolveStatus[]> {
    const entry = this.#entries.get(ref);
    if (entry === undefined) return [];
    if (entry.statuses !== undefined) return [...entry.statuses];
    const path = this.#path(ref, LOG);
    try {
      const text = path === undefined ? "" : (await unpack(await readFile(path))).toString("utf8");
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as SolveStatus);
    } catch {
      // Gone, or half of it: a record without output.
      return [];
    }
  }

  begin(start: HistoryStart): RunningBuild {
    const tally = new StepTally();
    const { ref, frontend, attributes, exports } = start;
    const statuses: SolveStatus[] = [];
    let logBytes = 0;
    const record: BuildRecord = {
      ref,
      frontend,
      attributes,
      exports,
      ...tally.counts,
      createdAt: this.#options.now(),
      completedAt: undefined,
      error: undefined,
      response: {},
      isPinned: false,
    };
    const entry: Entry = { record, statuses, bytes: 0 };
    this.#entries.delete(ref);
    this.#entries.set(ref, entry);
    this.#tell("started", entry);
    return {
      add: (status) => {
        tally.add(status);
        entry.record = { ...entry.record, ...tally.counts };
        const data = (status.logs ?? []).reduce((sum, log) => sum + log.data.length, 0);
        const isFull = logBytes + data > MAX_LOG_BYTES;
        if (!isFull) logBytes += data;
        statuses.push(isFull ? { ...status, logs: [] } : status);
      },
      finish: ({ response = {}, error }) => {
        const ended = tally.end(error?.message);
        if (ended !== undefined) statuses.push(ended);
        entry.record = { ...entry.record, ...tally.counts, completedAt: this.#options.now(), response, error };
        entry.bytes = logBytes;
        this.#tell("completed", entry);
        this.#keep(entry);
      },
    };
  }

  pin(ref: string, isPinned: boolean): boolean {
    const entry = this.#entries.get(ref);
    if (entry === undefined) return false;
    entry.record = { ...entry.record, isPinned };
    if (entry.statuses === undefined) this.#writeRecord(entry.record);
    return true;
  }

  remove(ref: string): boolean {
    const entry = this.#entries.get(ref);
    if (entry === undefined || entry.record.completedAt === undefined) return false;
    this.#drop(entry);
    return true;
  }

  watch(tell: (event: HistoryEvent, record: BuildRecord) => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  /** Waits until what ended is on disk. */
  async settle(): Promise<void> {
    await Promise.all(this.#writing);
  }

  #tell(event: HistoryEvent, { record }: Entry): void {
    for (const tell of this.#watchers) tell(event, record);
  }

  #drop(entry: Entry): void {
    const { ref } = entry.record;
    this.#entries.delete(ref);
    for (const kind of [RECORD, LOG]) {
      const path = this.#path(ref, kind);
      if (path !== undefined) rmSync(path, { force: true });
    }
    this.#tell("removed", entry);
  }

  /** Beyond the bounds the oldest go, but for pinned ones. */
  #trim(): void {
    const finished = [...this.#entries.values()].filter(
      ({ record }) => record.completedAt !== undefined && !record.isPinned,
    );
    let bytes = 0;
    for (const [age, entry] of finished.reverse().entries()) {
      bytes += entry.bytes;
      if (age >= MAX_RECORDS || (age > 0 && bytes > MAX_BYTES)) this.#drop(entry);
    }
  }

  #keep(entry: Entry): void {
    const work = this.#write(entry)
      .catch((error: unknown) => this.#options.onFailure(error))
      .finally(() => {
        this.#writing.delete(work);
        this.#trim();
      });
    this.#writing.add(work);
  }

  async #write(entry: Entry): Promise<void> {
    const { record, statuses = [] } = entry;
    const path = this.#path(record.ref, LOG);
    if (path === undefined) return;
    const text = statuses.map((status) => `${JSON.stringify(status)}\n`).join("");
    const packed = await pack(text);
    // It was removed, or built again, meanwhile.
    if (this.#entries.get(record.ref) !== entry) return;
    writeFileSync(path, packed, { mode: 0o600 });
    this.#writeRecord(entry.record);
    entry.bytes = packed.length;
    entry.statuses = undefined;
  }

  /** Last: what has a record is whole. */
  #writeRecord(record: BuildRecord): void {
    const path = this.#path(record.ref, RECORD);
    if (path === undefined) return;
    const temporary = `${path}.tmp`;
    writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
    renameSync(temporary, path);
  }

  #path(ref: string, kind: string): string | undefined {
    const { directory } = this.#options;
    return directory === undefined || !REF.test(ref) ? undefined : join(directory, `${ref}${kind}`);
  }

  #load(): void {
    const { directory } = this.#options;
    if (directory === undefined) return;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const names = readdirSync(directory);
    const records = names
      .filter((name) => name.endsWith(RECORD))
      .flatMap((name) => readRecord(join(directory, name)) ?? [])
      .sort((a, b) => a.createdAt - b.createdAt);
    for (const record of records) {
      const bytes = sizeOf(join(directory, `${record.ref}${LOG}`));
      this.#entries.set(record.ref, { record, statuses: undefined, bytes });
    }
    const known = new Set(records.flatMap(({ ref }) => [`${ref}${RECORD}`, `${ref}${LOG}`]));
    for (const name of names) if (!known.has(name)) rmSync(join(directory, name), { force: true, recursive: true });
    this.#trim();
  }
}

/** Reads what is there. `settle` waits for what is being written. */
export function openBuildHistory(options: HistoryOptions): BuildHistory & { settle(): Promise<void> } {
  return new FileHistory(options);
}
