import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { digestOf } from "#oci";
import type { KeyInputs } from "../graph/handler.ts";

/** Changes when what keys are made of changes: results of older versions are then not met. */
const KEY_VERSION = 1;
/** Records are ours, but a damaged file must not fill the memory. */
const MAX_RECORDED_BYTES = 256 << 20;

/** Inputs of a step as they are recorded, for the explanation of a later miss. */
export interface RecordedInputs {
  readonly values: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
}

/** The cache key: digest of the operation's kind and all named inputs, whatever their order. */
export function cacheKeyOf(kind: string, { values }: KeyInputs): string {
  const sorted = Object.entries(values).sort(([left], [right]) => (left < right ? -1 : 1));
  return digestOf(JSON.stringify([KEY_VERSION, kind, sorted]));
}

/** Packs inputs for the record. */
export function packInputs({ values, files }: KeyInputs): Uint8Array {
  const recorded: RecordedInputs = { values, files: files === undefined ? {} : Object.fromEntries(files()) };
  return zstdCompressSync(JSON.stringify(recorded));
}

function textValues(value: unknown): Record<string, string> {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.map(([name, text]) => [name, String(text)]));
}

/** What {@link packInputs} packed; empty for what cannot be read: an explanation is not worth a failed build. */
export function unpackInputs(packed: Uint8Array): RecordedInputs {
  try {
    const text = zstdDecompressSync(packed, { maxOutputLength: MAX_RECORDED_BYTES }).toString();
    const recorded: unknown = JSON.parse(text);
    if (typeof recorded !== "object" || recorded === null) return { values: {}, files: {} };
    return { values: textValues(Reflect.get(recorded, "values")), files: textValues(Reflect.get(recorded, "files")) };
  } catch {
    return { values: {}, files: {} };
  }
}
