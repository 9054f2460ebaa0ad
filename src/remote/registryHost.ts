import { findEngineError } from "#errors";
import { parseChallenges } from "./challenge.ts";
import type { Challenge } from "./challenge.ts";
import type { Endpoint } from "./endpoints.ts";
import { withRetries } from "./retry.ts";
import type { Timeouts } from "./timeouts.ts";
import { headerOf } from "./transport.ts";
import type { Transport } from "./transport.ts";

/** What asking `/v2/` told of a registry. */
export interface HostFacts {
  /** The base that answered, `https` before `http`. */
  readonly base: URL;
  /** How it wants to be asked; empty when everybody may. */
  readonly challenges: readonly Challenge[];
}

const FACTS_LIVE_MS = 5 * 60_000;

/** One registry endpoint: which protocol it speaks and how it authenticates, asked once in five minutes. */
export class RegistryHost {
  readonly endpoint: Endpoint;
  readonly #transport: Transport;
  readonly #timeouts: Timeouts;
  #facts: Promise<HostFacts> | undefined;
  #askedAt = 0;

  constructor(endpoint: Endpoint, transport: Transport, timeouts: Timeouts) {
    this.endpoint = endpoint;
    this.#transport = transport;
    this.#timeouts = timeouts;
  }

  /** @throws {unavailable} naming the URL that was tried last. */
  async facts(signal: AbortSignal | undefined): Promise<HostFacts> {
    if (this.#facts !== undefined && Date.now() - this.#askedAt < FACTS_LIVE_MS) {
      const known = await this.#facts.catch(() => undefined); // whoever asked may have been cancelled: ask ourselves
      if (known !== undefined) return known;
    }
    this.#askedAt = Date.now();
    const asked = this.#ask(signal);
    this.#facts = asked;
    asked.catch(() => this.forget());
    return await asked;
  }

  /** Ask again next time (the registry was restarted, or speaks another protocol now). */
  forget(): void {
    this.#facts = undefined;
  }

  async #ask(signal: AbortSignal | undefined): Promise<HostFacts> {
    const [first, ...others] = this.endpoint.bases;
    if (first === undefined) throw new Error(`endpoint ${this.endpoint.host} has no base`);
    let base = first;
    for (const next of others) {
      try {
        return await this.#ping(base, signal);
      } catch (error) {
        if (findEngineError(error)?.category === "cancelled") throw error;
        base = next;
      }
    }
    return await this.#ping(base, signal);
  }

  async #ping(base: URL, signal: AbortSignal | undefined): Promise<HostFacts> {
    const url = pathOn(base, "/v2/");
    const { isInsecure, bases, isMirror } = this.endpoint;
    const isLast = base === bases.at(-1) && !isMirror;
    const response = await withRetries(
      () => this.#transport.send({ method: "GET", url, headers: {}, signal, isInsecure }),
      { signal, firstDelayMs: this.#timeouts.retryMs, ...(isLast ? {} : { maxAttempts: 1 }) },
    );
    response.discard();
    const challenges = response.status === 401 ? parseChallenges(headerOf(response.headers, "www-authenticate")) : [];
    return { base, challenges };
  }
}

/** `/v2/…` below a base that may have a path of its own (mirrors behind a prefix). */
export function pathOn(base: URL, path: string): URL {
  return new URL(`${base.href.endsWith("/") ? base.href.slice(0, -1) : base.href}${path}`);
}
