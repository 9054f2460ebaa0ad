import { setImmediate as yieldToOthers } from "node:timers/promises";
import { totalmem } from "node:os";
import { readCgroupUsage, readInterfaceUse, readProcessorTime } from "#host";
import type { CgroupUsage, InterfaceUse } from "#host";
import type { Container } from "../container.ts";
import { cgroupOf } from "../spec/runtimeSpec.ts";

/** What a container had used at one moment. */
export interface Sample {
  readonly at: Date;
  readonly usage: CgroupUsage;
  readonly interfaces: readonly InterfaceUse[];
  readonly machine: MachineUse;
}

/** What all processors have done, in nanoseconds; how many there are; bytes of memory. */
interface MachineUse {
  readonly total: number;
  readonly processors: number;
  readonly memory: number;
}

const INTERVAL_MS = 1000;

const machineNow = (): MachineUse => ({ ...readProcessorTime(), memory: totalmem() });

/** Reads a container's use now; undefined when it does not run. */
export function sampleNow(container: Container, machine: MachineUse = machineNow()): Sample | undefined {
  const usage = container.isRunning ? readCgroupUsage(cgroupOf(container.document)) : undefined;
  if (usage === undefined) return undefined;
  const { NetworkMode } = container.document.hostConfig;
  // The namespace's counters are the host's, or another container's.
  const isOwn = NetworkMode !== "host" && !NetworkMode.startsWith("container:");
  const interfaces = isOwn ? readInterfaceUse(container.state.init?.pid ?? 0).filter(({ name }) => name !== "lo") : [];
  return { at: new Date(), usage, interfaces, machine };
}

type Listener = (sample: Sample | undefined) => void;

/** Samples once a second every container that somebody watches, however many do; sleeps when nobody does. */
export class Sampler {
  readonly #watched = new Map<Container, Set<Listener>>();
  #timer: NodeJS.Timeout | undefined;
  #busy = false;

  /** Calls `listener` every second until the returned function is called. */
  watch(container: Container, listener: Listener): () => void {
    const listeners = this.#watched.get(container) ?? new Set();
    this.#watched.set(container, listeners.add(listener));
    this.#timer ??= setInterval(() => void this.#round(), INTERVAL_MS).unref();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#watched.get(container) === listeners) this.#watched.delete(container);
      if (this.#watched.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Requests come between two containers: fifty of them are read in 10 ms. */
  async #round(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const machine = machineNow();
      for (const [container, listeners] of Array.from(this.#watched)) {
        const sample = sampleNow(container, machine);
        for (const listener of listeners) listener(sample);
        await yieldToOthers();
      }
    } finally {
      this.#busy = false;
    }
  }
}
