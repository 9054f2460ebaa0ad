import { throwIfAborted } from "./fileSpan.ts";

interface Running<T> {
  readonly promise: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Work that several callers wait for: done once, its result is kept. A caller that is aborted leaves alone; when all have left,
 * the work is aborted, and the next caller starts it anew, as after a failure.
 */
export class SharedWork<T> {
  readonly #work: (signal: AbortSignal) => Promise<T>;
  #current: Running<T> | undefined;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#work = work;
  }

  async get(signal?: AbortSignal): Promise<T> {
    throwIfAborted(signal);
    const current = (this.#current ??= this.#start());
    current.waiting += 1;
    try {
      return await (signal === undefined ? current.promise : Promise.race([current.promise, aborted(signal)]));
    } catch (error) {
      if (current.waiting === 1 && signal?.aborted === true) current.controller.abort(signal.reason);
      throw error;
    } finally {
      current.waiting -= 1;
    }
  }

  /** The work under way, if any, has ended when this resolves. */
  async stop(): Promise<void> {
    this.#current?.controller.abort();
    await this.#current?.promise.catch(() => undefined);
  }

  #start(): Running<T> {
    const controller = new AbortController();
    const started: Running<T> = { promise: this.#work(controller.signal), controller, waiting: 0 };
    started.promise.catch(() => {
      if (this.#current === started) this.#current = undefined;
    });
    return started;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => {
    try {
      throwIfAborted(signal);
    } catch (error) {
      reject(error);
    }
  };
  signal.addEventListener("abort", stop, { once: true });
  return promise;
}
