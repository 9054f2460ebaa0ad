import { randomBytes } from "node:crypto";
import type { LayerReads } from "#layers";
import type { BuildStepRecord, BuildStepRecords, Metadata } from "#metadata";
import type { DiffId } from "#oci";
import type { KeyInputs } from "../graph/handler.ts";
import { packInputs, unpackInputs } from "./keyInputs.ts";
import type { RecordedInputs } from "./keyInputs.ts";

/** How many earlier results of one place a miss is compared with. */
const COMPARED = 20;
const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";

/** 25 letters and digits, as BuildKit names its records. */
function newId(): string {
  return Array.from(randomBytes(25), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}

export interface StepCacheOptions {
  readonly metadata: Pick<Metadata, "buildSteps" | "transaction">;
  readonly layers: Pick<LayerReads, "get">;
  /** ms since 1970 */
  readonly now: () => number;
}

/** What {@link StepCache.record} is told of a result. */
export interface FinishedStep {
  readonly key: string;
  readonly kind: string;
  readonly slot: string;
  readonly description: string;
  readonly parents: readonly string[];
  /** The whole stack. */
  readonly diffIds: readonly DiffId[];
  /** Those of the stack that the step made. */
  readonly own: readonly DiffId[];
  readonly inputs: KeyInputs;
  /** ms since 1970; default: now. */
  readonly createdAt?: number;
}

/** Results of steps by key, over the table `build_steps`. Knows which rows builds have in hand. */
export class StepCache {
  readonly #rows: BuildStepRecords;
  readonly #options: StepCacheOptions;
  readonly #held = new Map<string, number>();

  constructor(options: StepCacheOptions) {
    this.#options = options;
    this.#rows = options.metadata.buildSteps;
  }

  /** A result whose own layer is here (`all`: whose every layer is). The caller leases its layers, then looks again. */
  find(key: string, all: boolean): BuildStepRecord | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    const needed = all ? row.diffIds : row.diffIds.slice(-1);
    return needed.every((diffId) => this.#options.layers.get(diffId) !== undefined) ? row : undefined;
  }

  record(step: FinishedStep): BuildStepRecord {
    const now = this.#options.now();
    const { inputs, own, ...rest } = step;
    const bytes = own.reduce((sum, diffId) => sum + (this.#options.layers.get(diffId)?.contentBytes ?? 0), 0);
    const row = { ...rest, id: newId(), bytes, createdAt: step.createdAt ?? now, usedAt: now, uses: 1 };
    this.#rows.put(row, packInputs(inputs));
    return row;
  }

  /** Counts a use of each. */
  used(keys: Iterable<string>): void {
    const now = this.#options.now();
    this.#options.metadata.transaction(() => {
      for (const key of keys) this.#rows.used(key, now);
    });
  }

  /** Inputs of earlier results of the place, last used first. */
  earlier(slot: string): readonly RecordedInputs[] {
    return this.#rows.inSlot(slot, COMPARED).map(({ key }) => unpackInputs(this.#rows.inputs(key) ?? new Uint8Array()));
  }

  /** From now on a prune leaves the row of this key, whether it is there already or not. */
  hold(key: string): Disposable {
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (this.#held.get(key) ?? 1) - 1;
        if (left === 0) this.#held.delete(key);
        else this.#held.set(key, left);
      },
    };
  }

  isHeld(key: string): boolean {
    return this.#held.has(key);
  }

  /** Longest unused first. */
  list(): readonly BuildStepRecord[] {
    return this.#rows.list();
  }

  /** False: in use. */
  remove(key: string): boolean {
    if (this.isHeld(key)) return false;
    this.#rows.remove(key);
    return true;
  }
}
