import type { Exec } from "./exec.ts";
import type { WaitingProcess } from "./insideProcess.ts";

/** Clients start what they have created at once; one that does not finds its exec unprepared. */
const KEPT_MS = 250;

/**
 * Processes that wait for their exec's start, made while the client reads that the exec is there. None waits for long: it
 * counts among the processes of its container's cgroup.
 */
export class PreparedExecs {
  readonly #byExec = new Map<Exec, Promise<WaitingProcess | undefined>>();

  /** `prepare` runs once the answer to the exec's creation is out. What it throws is left to the start to find again. */
  add(exec: Exec, prepare: () => Promise<WaitingProcess | undefined>): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    setImmediate(resolve);
    const prepared = promise.then(prepare).catch(() => undefined);
    this.#byExec.set(exec, prepared);
    setTimeout(() => void this.#drop(exec), KEPT_MS).unref();
  }

  /** The caller starts or disposes of it. */
  async take(exec: Exec): Promise<WaitingProcess | undefined> {
    const prepared = this.#byExec.get(exec);
    this.#byExec.delete(exec);
    return prepared;
  }

  async #drop(exec: Exec): Promise<void> {
    (await this.take(exec))?.[Symbol.dispose]();
  }
}
