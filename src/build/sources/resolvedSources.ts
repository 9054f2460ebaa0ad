import type { Step } from "../graph/handler.ts";
import type { Operation } from "../graph/operation.ts";
import type { BuildSession } from "../session.ts";

type Hashes = Readonly<Record<string, string>>;

/** By build (each has a session of its own) and vertex. */
const known = new WeakMap<BuildSession, Map<string, Hashes>>();

/** Remembers what a source of a running build turned out to be: `{ sha1: commit }`, `{ sha256: hex }`. */
export function rememberSource({ session, vertex }: Pick<Step<Operation>, "session" | "vertex">, hashes: Hashes): void {
  const found = known.get(session) ?? new Map<string, Hashes>();
  known.set(session, found);
  found.set(vertex.digest, hashes);
}

/** For provenance; undefined: the source was never looked at. */
export function resolvedSource({ session, vertex }: Pick<Step<Operation>, "session" | "vertex">): Hashes | undefined {
  return known.get(session)?.get(vertex.digest);
}
