import { setTimeout as delay } from "node:timers/promises";
import { EngineError, ErrorCode, findEngineError } from "#errors";

const MAX_ATTEMPTS = 5;
const MAX_DELAY_FACTOR = 50;
/** A registry that asks for more patience than this is told no. */
const MAX_RETRY_AFTER_MS = 60_000;

/** What the details of an error say about trying again. */
interface RetryAdvice {
  readonly retryable?: boolean;
  /** As `Retry-After` asked. */
  readonly retryAfterMs?: number;
}

function adviceOf(error: unknown): RetryAdvice {
  return findEngineError(error)?.details ?? {};
}

/** Exponential with full jitter, so that many clients of one broken registry do not come back together. */
function backoffMs(attempt: number, advice: RetryAdvice, firstDelayMs: number): number {
  if (advice.retryAfterMs !== undefined) return advice.retryAfterMs;
  const ceiling = firstDelayMs * Math.min(MAX_DELAY_FACTOR, 2 ** attempt);
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}

/** When to give up and how long to pause. */
export interface RetryOptions {
  readonly signal: AbortSignal | undefined;
  readonly firstDelayMs: number;
  /** Default 5. */
  readonly maxAttempts?: number;
}

/** Runs `attempt` until it works, fails for good, or has failed `maxAttempts` times. */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const last = (options.maxAttempts ?? MAX_ATTEMPTS) - 1;
  for (let count = 0; ; count += 1) {
    try {
      throwIfCancelled(options.signal);
      return await attempt();
    } catch (error) {
      const advice = adviceOf(error);
      if (advice.retryable !== true || count >= last || (advice.retryAfterMs ?? 0) > MAX_RETRY_AFTER_MS) throw error;
      await pause(backoffMs(count, advice, options.firstDelayMs), options.signal);
    }
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch {
    throw cancelled(signal);
  }
}

/** @throws {cancelled} when the signal has fired. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(signal);
}

/** Docker's words for work that its caller gave up. */
export function cancelled(signal: AbortSignal | undefined): EngineError {
  return new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled", { cause: signal?.reason });
}

/** `Retry-After` in seconds or as a date → milliseconds from now. */
export function parseRetryAfter(header: string | undefined, now: number = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
