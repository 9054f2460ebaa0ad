import type { Definition } from "#build";
import { EngineError, ErrorCode } from "#errors";
import { digestOf } from "#oci";
import { decode } from "../wire/decode.ts";
import { encode } from "../wire/encode.ts";

/** What a client holds for a result of ours: which build it is of, and which of its targets. */
export interface ResultName {
  readonly id: string;
  readonly target: number;
}

const SCHEME = "varve-build://";
const NAME = /^varve-build:\/\/(?<id>.+)\/(?<target>\d+)$/s;

/**
 * A result as a graph of BuildKit's: one source that stands for it. Clients read nothing in it; they hand it to another
 * build as one of its inputs (`bake` targets that are contexts of others).
 */
export function toDefinition({ id, target }: ResultName): Uint8Array {
  const source = encode("Op", { source: { identifier: `${SCHEME}${id}/${target}` } });
  const digest = digestOf(source);
  const last = encode("Op", { inputs: [{ digest }] });
  // Without metadata a client takes a definition for invalid.
  const metadata = Object.fromEntries([digest, digestOf(last)].map((key) => [key, {}]));
  return encode("Definition", { def: [source, last], metadata });
}

/** Which result a definition is, as a whole; undefined: it is a graph of BuildKit's own operations. */
export function readDefinition(bytes: Uint8Array): ResultName | undefined {
  const { def } = decode("Definition", bytes);
  const operations = new Map(def.map((operation) => [String(digestOf(operation)), decode("Op", operation)]));
  const last = def.at(-1);
  if (last === undefined) return undefined;
  const input = decode("Op", last).inputs[0]?.digest ?? "";
  return resultOf(operations.get(input)?.source?.identifier ?? "");
}

/** The result that a source of a graph stands for; undefined: it is one of BuildKit's own. */
export function resultOf(identifier: string): ResultName | undefined {
  const { id, target } = NAME.exec(identifier)?.groups ?? {};
  return id === undefined || target === undefined ? undefined : { id, target: Number(target) };
}

/** A graph as builds take it. @throws {invalid_argument} */
export function parseDefinition(bytes: Uint8Array): Definition {
  const { def, metadata } = decode("Definition", bytes);
  const operations = new Map(
    def.map((raw) => {
      const digest: string = digestOf(raw);
      const { description = {}, ignoreCache = false } = metadata[digest] ?? {};
      return [digest, { ...decode("Op", raw), description, ignoreCache }] as const;
    }),
  );
  const last = def.at(-1);
  const result = last === undefined ? undefined : decode("Op", last).inputs[0];
  if (result === undefined)
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "failed to load LLB: invalid empty definition");
  return { operations, result };
}

/** A graph without operations: what a client makes of an answer that is no filesystem. */
export function isEmptyDefinition(bytes: Uint8Array): boolean {
  return decode("Definition", bytes).def.length === 0;
}
