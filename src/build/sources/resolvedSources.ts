import type { GitSource, HttpSource } from "../graph/operation.ts";

const known = new WeakMap<GitSource | HttpSource, Readonly<Record<string, string>>>();

/** Remembers what a source of a running build turned out to be: `{ sha1: commit }`, `{ sha256: hex }`. */
export function rememberSource(source: GitSource | HttpSource, digest: Readonly<Record<string, string>>): void {
  known.set(source, digest);
}

/** For provenance; undefined: the source was never looked at. */
export function resolvedSource(source: GitSource | HttpSource): Readonly<Record<string, string>> | undefined {
  return known.get(source);
}
