import type { Duplex } from "node:stream";
import { EngineError, ErrorCode } from "#errors";
import type { SessionIdentity } from "./identity.ts";
import { GrpcSession } from "./session.ts";

/** A client asks for a build before its session has come, or never sends one. */
const WAIT_MS = 5000;

/** The sessions of clients that are connected. */
export class SessionRegistry {
  readonly #sessions = new Map<string, GrpcSession>();
  readonly #waiting = new Map<string, Set<(session: GrpcSession) => void>>();

  /** @throws {conflict} when the id is taken, {invalid_argument} when there is none; the connection stays the caller's then */
  check(id: string): void {
    if (id === "") throw new EngineError("invalid_argument", ErrorCode.SESSION, "no session id in request");
    if (this.#sessions.has(id)) throw new EngineError("conflict", ErrorCode.SESSION, `session ${id} already exists`);
  }

  /** Takes a connection on which the client serves its services; the registry closes it with itself. @throws as {@link check} */
  add(identity: SessionIdentity, socket: Duplex): GrpcSession {
    this.check(identity.id);
    const session = new GrpcSession(identity, socket);
    this.#sessions.set(session.id, session);
    void session.closed.then(() => this.#sessions.delete(session.id));
    for (const tell of this.#waiting.get(session.id) ?? []) tell(session);
    this.#waiting.delete(session.id);
    return session;
  }

  /** Waits a while for a session that is on its way. @throws {unavailable} in BuildKit's words when it does not come */
  async get(id: string, signal?: AbortSignal): Promise<GrpcSession> {
    const there = this.#sessions.get(id);
    if (there !== undefined) return there;
    const { promise, resolve, reject } = Promise.withResolvers<GrpcSession>();
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting);
    waiting.add(resolve);
    const giveUp = (): void =>
      reject(
        new EngineError("unavailable", ErrorCode.SESSION, `no active session for ${id}: context deadline exceeded`),
      );
    const timer = setTimeout(giveUp, WAIT_MS);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
      waiting.delete(resolve);
      if (waiting.size === 0) this.#waiting.delete(id);
    }
  }

  close(): void {
    for (const session of this.#sessions.values()) session.close();
  }
}
