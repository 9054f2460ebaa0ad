import { EngineError, ErrorCode } from "#errors";
import type { WaitResult } from "./containerService.ts";

type Moment = "exit" | "removed";

/** Who waits for a container's next exit, or for its removal. */
export class Waiters {
  readonly #waiting: Readonly<Record<Moment, Set<(result: WaitResult) => void>>> = {
    exit: new Set(),
    removed: new Set(),
  };

  /** Registers before it returns. @throws {cancelled} when the signal fires first. */
  wait(moment: Moment, signal?: AbortSignal): Promise<WaitResult> {
    const { promise, resolve, reject } = Promise.withResolvers<WaitResult>();
    const waiting = this.#waiting[moment];
    const cancel = (): void => reject(new EngineError("cancelled", ErrorCode.CANCELLED, "the wait was cancelled"));
    waiting.add(resolve);
    signal?.addEventListener("abort", cancel, { once: true });
    return promise.finally(() => {
      waiting.delete(resolve);
      signal?.removeEventListener("abort", cancel);
    });
  }

  tell(moment: Moment, result: WaitResult): void {
    for (const resolve of this.#waiting[moment]) resolve(result);
  }
}
