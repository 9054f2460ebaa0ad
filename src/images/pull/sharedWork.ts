import type { ProgressMessage, ProgressSink } from "#engineapi";
import { cancelled, throwIfAborted } from "./slots.ts";

/** What a shared piece of work is given: it goes on until the last who wants it has left. */
export interface SharedRun {
  /** Tells everybody who waits. */
  readonly progress: ProgressSink;
  /** Fires when nobody waits any more. */
  readonly signal: AbortSignal;
}

export interface Participant {
  readonly progress: ProgressSink;
  readonly signal: AbortSignal | undefined;
}

interface Running<T> {
  readonly outcome: Promise<T>;
  readonly abort: AbortController;
  readonly sinks: Set<Participant>;
}

/** Work by key that is done once for all who ask at the same time: two pulls of one layer are one download. */
export class SharedWork<T> {
  readonly #running = new Map<string, Running<T>>();

  /** Joins the work of this key, or starts it. Leaving early (by the signal) ends it only for the last one. */
  async join(key: string, participant: Participant, work: (run: SharedRun) => Promise<T>): Promise<T> {
    for (let found = this.#running.get(key); found?.abort.signal.aborted === true; found = this.#running.get(key)) {
      await found.outcome.catch(() => undefined); // given up by all: it is over soon, and its failure is not ours
    }
    throwIfAborted(participant.signal);
    return await this.#follow(this.#running.get(key) ?? this.#start(key, work), participant);
  }

  #start(key: string, work: (run: SharedRun) => Promise<T>): Running<T> {
    const abort = new AbortController();
    const sinks = new Set<Participant>();
    const progress = (message: ProgressMessage): void => {
      for (const sink of sinks) sink.progress(message);
    };
    const outcome = work({ progress, signal: abort.signal }).finally(() => this.#running.delete(key));
    outcome.catch(() => undefined); // everybody may have left before it fails
    const running = { outcome, abort, sinks };
    this.#running.set(key, running);
    return running;
  }

  async #follow(running: Running<T>, participant: Participant): Promise<T> {
    const { signal } = participant;
    const left = Promise.withResolvers<never>();
    const leave = (): void => {
      running.sinks.delete(participant);
      if (running.sinks.size === 0) running.abort.abort(signal?.reason);
      else left.reject(cancelled(signal));
    };
    running.sinks.add(participant);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      // The last one to leave waits for the end, so that nothing of its work goes on behind its back.
      return await Promise.race([running.outcome, left.promise]);
    } finally {
      running.sinks.delete(participant);
      signal?.removeEventListener("abort", leave);
    }
  }
}
