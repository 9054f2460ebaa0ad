import { EngineError, ErrorCode } from "#errors";
import type { Filesystem } from "../graph/operation.ts";
import type { StepProgress } from "../graph/handler.ts";

/** Logs that a late joiner is shown: what a step prints is bounded by its clipping anyway. bytes */
const MAX_REPLAY = 4 << 20;

type Event =
  | { readonly kind: "log"; readonly stream: 1 | 2; readonly data: Uint8Array }
  | { readonly kind: "status"; readonly id: string; readonly update: Parameters<StepProgress["status"]>[1] };

/** What a shared step works with instead of its builder's own. */
export interface SharedContext {
  readonly progress: StepProgress;
  readonly signal: AbortSignal;
}

export interface SharedRequest {
  readonly progress: StepProgress;
  /** Of the builder that asks; the step itself ends only when all have left. */
  readonly signal: AbortSignal;
  readonly work: (context: SharedContext) => Promise<Filesystem>;
}

class Run {
  readonly #controller = new AbortController();
  readonly #listeners = new Set<StepProgress>();
  readonly #events: Event[] = [];
  #replayBytes = 0;
  /** The builder whose session the step works with has left. */
  isOrphan = false;
  readonly result: Promise<Filesystem>;

  constructor(work: SharedRequest["work"]) {
    this.result = work({ progress: this.#fanOut(), signal: this.#controller.signal });
    // Whoever joined hears of a failure; that nobody is left is no failure of ours.
    this.result.catch(() => undefined);
  }

  get isAbandoned(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Waits for the result, or until the builder leaves. */
  async join({ progress, signal }: SharedRequest, isOwner: boolean): Promise<Filesystem> {
    const left = Promise.withResolvers<never>();
    const leave = (): void => {
      if (isOwner) this.isOrphan = true;
      this.#listeners.delete(progress);
      if (this.#listeners.size === 0) this.#controller.abort(cancelled());
      left.reject(cancelled());
    };
    for (const event of this.#events) tell(progress, event);
    this.#listeners.add(progress);
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      return await Promise.race([this.result, left.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      this.#listeners.delete(progress);
    }
  }

  #fanOut(): StepProgress {
    const all = (event: Event, bytes: number): void => {
      this.#replayBytes += bytes;
      if (this.#replayBytes <= MAX_REPLAY) this.#events.push(event);
      for (const listener of this.#listeners) tell(listener, event);
    };
    return {
      log: (stream, data) => all({ kind: "log", stream, data }, data.byteLength),
      status: (id, update) => all({ kind: "status", id, update }, id.length),
    };
  }
}

function tell(listener: StepProgress, event: Event): void {
  if (event.kind === "log") listener.log(event.stream, event.data);
  else listener.status(event.id, event.update);
}

function cancelled(): EngineError {
  return new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled");
}

/** Steps that run just now, by cache key: builds that need the same step at the same time share one run of it. */
export class SharedRuns {
  readonly #runs = new Map<string, Run>();

  /**
   * The result of the step of this key: joins the run under way, or begins one. A builder that leaves does not end the
   * others' step, unless the step needed the session of the one that left: then it is begun again.
   */
  async run(key: string, request: SharedRequest): Promise<Filesystem> {
    const running = this.#runs.get(key);
    if (running === undefined || running.isAbandoned) return this.#begin(key, request);
    try {
      return await running.join(request, false);
    } catch (error) {
      if (request.signal.aborted || !running.isOrphan) throw error;
      return this.run(key, request);
    }
  }

  async #begin(key: string, request: SharedRequest): Promise<Filesystem> {
    const run = new Run(request.work);
    this.#runs.set(key, run);
    const forget = (): void => {
      if (this.#runs.get(key) === run) this.#runs.delete(key);
    };
    run.result.then(forget, forget);
    return run.join(request, true);
  }

  /** Waits until what is being ended has ended. */
  async settle(): Promise<void> {
    await Promise.allSettled(Array.from(this.#runs.values(), ({ result }) => result));
  }
}
