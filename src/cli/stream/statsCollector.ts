import { readLines } from "#client";
import type { Session } from "../core/session.ts";
import type { StatsEntry, StatsSample } from "../format/statsRows.ts";
import { containerPath } from "./forEach.ts";

/** Without news for so long a container's numbers are no longer shown. */
const STALE_MS = 2000;

/** The samples of one container as they come. */
class Watched {
  readonly container: string;
  /** Settled with the first sample, the first failure, or when none came in time. */
  readonly first: Promise<void>;
  error: unknown;
  readonly #abort = new AbortController();
  readonly #stream: boolean;
  #sample: StatsSample | undefined;
  #isStale = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #known = Promise.withResolvers<void>();

  constructor(session: Session, container: string, stream: boolean) {
    this.container = container;
    this.#stream = stream;
    this.first = this.#known.promise;
    this.#restart();
    void this.#collect(session);
  }

  get entry(): StatsEntry {
    return { container: this.container, sample: this.#sample, isStale: this.#isStale };
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #collect(session: Session): Promise<void> {
    try {
      const { body } = await session.client.open({
        path: containerPath(this.container, "/stats"),
        query: { stream: this.#stream ? "1" : "0" },
        signal: this.#abort.signal,
      });
      for await (const line of readLines(body)) this.#take(JSON.parse(line) as StatsSample);
      if (this.#stream) this.#isStale = true;
    } catch (error) {
      this.error = error;
      this.#isStale = true;
    }
    if (!this.#stream) clearTimeout(this.#timer);
    this.#known.resolve();
  }

  #take(sample: StatsSample): void {
    this.#sample = sample;
    this.#isStale = false;
    this.#restart();
    this.#known.resolve();
  }

  #restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isStale = true;
      this.#known.resolve();
    }, STALE_MS);
    this.#timer.unref();
  }
}

/** Collects samples of several containers. Dispose it, or its connections stay open. */
export class StatsCollector implements Disposable {
  readonly #session: Session;
  readonly #stream: boolean;
  #watched: readonly Watched[] = [];

  /** `stream` false takes one sample each. */
  constructor(session: Session, stream: boolean) {
    this.#session = session;
    this.#stream = stream;
  }

  add(container: string): void {
    if (this.#watched.some((one) => one.container === container)) return;
    this.#watched = [...this.#watched, new Watched(this.#session, container, this.#stream)];
  }

  remove(container: string): void {
    this.#watched.find((one) => one.container === container)?.stop();
    this.#watched = this.#watched.filter((one) => one.container !== container);
  }

  /** Resolves when something is known of every container that was added so far. */
  async settled(): Promise<void> {
    await Promise.all(this.#watched.map(({ first }) => first));
  }

  get entries(): readonly StatsEntry[] {
    return this.#watched.map(({ entry }) => entry);
  }

  get errors(): readonly unknown[] {
    return this.#watched.map(({ error }) => error).filter((error) => error !== undefined);
  }

  [Symbol.dispose](): void {
    for (const one of this.#watched) one.stop();
  }
}
