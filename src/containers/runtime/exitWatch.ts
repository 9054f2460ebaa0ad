import { mkdirSync, readFileSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { join } from "node:path";
import { waitForProcess } from "#host";
import type { ProcessIdentity } from "../document.ts";
import { isAlive } from "./monitor.ts";

/** Exit codes that conmon leaves in one directory, a file named by the container each. */
export class ExitWatch implements Disposable {
  readonly #directory: string;
  readonly #watcher: FSWatcher;
  readonly #waiting = new Map<string, () => void>();
  readonly #closed = new AbortController();

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#directory = directory;
    this.#watcher = watch(directory, { persistent: false }, (_event, name) => {
      if (name !== null) this.#waiting.get(name)?.();
    });
    // The directory was removed under us: monitors' own ends still tell.
    this.#watcher.on("error", () => undefined);
  }

  /** The code of a container that has ended; undefined when conmon did not write it (yet). */
  read(id: string): number | undefined {
    try {
      const text = readFileSync(join(this.#directory, id), "latin1").trim();
      return /^\d+$/.test(text) ? Number(text) : undefined;
    } catch {
      return undefined; // it has not ended
    }
  }

  /** Resolves with the exit code, or undefined when the monitor died without one. */
  async wait(id: string, monitor: ProcessIdentity | undefined): Promise<number | undefined> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(id, () => {
      if (this.read(id) !== undefined) resolve();
    });
    const stop = new AbortController();
    try {
      if (this.read(id) !== undefined) return this.read(id);
      const monitorGone = isAlive(monitor)
        ? waitForProcess(monitor.pid, AbortSignal.any([stop.signal, this.#closed.signal]))
        : Promise.resolve();
      await Promise.race([promise, monitorGone]);
      // A closed watch says nothing about the container: whoever waits is being closed, too.
      if (this.#closed.signal.aborted) await new Promise<never>(() => undefined);
      return this.read(id);
    } finally {
      this.#waiting.delete(id);
      stop.abort();
    }
  }

  [Symbol.dispose](): void {
    this.#closed.abort();
    this.#watcher.close();
  }
}
