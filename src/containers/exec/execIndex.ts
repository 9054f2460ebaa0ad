import type { ContainerIndex } from "../containerIndex.ts";
import type { Exec } from "./exec.ts";
import { noSuchExec } from "./execError.ts";

/** An ended exec can be inspected for so long, as with Docker. */
const KEPT_MS = 5 * 60_000;
const SWEEP_EVERY_MS = 60_000;
/** Ended execs that are kept at most, however fast they come. */
const MAX_ENDED = 5000;

/** Execs by id. Forgets them in time without a timer of its own. */
export class ExecIndex {
  readonly #containers: ContainerIndex;
  readonly #byId = new Map<string, Exec>();
  #swept = 0;

  constructor(containers: ContainerIndex) {
    this.#containers = containers;
  }

  get size(): number {
    return this.#byId.size;
  }

  add(exec: Exec): void {
    const now = Date.now();
    if (now - this.#swept > SWEEP_EVERY_MS || this.#byId.size > 2 * MAX_ENDED) this.#sweep(now);
    this.#byId.set(exec.id, exec);
  }

  /** @throws {not_found} also when the exec's container is gone */
  get(id: string): Exec {
    const exec = this.#byId.get(id);
    if (exec === undefined || this.#isOver(exec)) throw noSuchExec(id);
    return exec;
  }

  /** Never started, and its container has stopped since: it has no life to run in. Or its container is gone. */
  #isOver(exec: Exec): boolean {
    const { container } = exec;
    if (!this.#containers.has(container)) return true;
    return exec.state.status === "created" && !container.execIds.has(exec.id);
  }

  #sweep(now: number): void {
    this.#swept = now;
    const ended: Exec[] = [];
    for (const exec of this.#byId.values()) {
      const { state } = exec;
      if (this.#isOver(exec) || (state.status === "ended" && now - state.at > KEPT_MS)) this.#byId.delete(exec.id);
      else if (state.status === "ended") ended.push(exec);
    }
    for (const exec of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) this.#byId.delete(exec.id);
  }
}
