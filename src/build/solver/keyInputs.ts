import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { digestOf } from "#oci";
import { readFileList } from "../files/fileList.ts";
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

/** `mark, 4 bytes length of the values, values as JSON, list of files`, compressed. */
const MARK = "varve inputs 2\n";
/** Digests do not shrink: what does, names, shrinks at the lowest level, too. */
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Packs inputs for the record. */
export function packInputs({ values, files = new Uint8Array(0) }: KeyInputs): Uint8Array {
  const text = Buffer.from(JSON.stringify(values));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return zstdCompressSync(Buffer.concat([Buffer.from(MARK), length, text, files]), LEVEL);
}

function textValues(value: unknown): Record<string, string> {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.map(([name, text]) => [name, String(text)]));
}

/** What {@link packInputs} packed; empty for what cannot be read: an explanation is not worth a failed build. */
export function unpackInputs(packed: Uint8Array): RecordedInputs {
  try {
    const bytes = zstdDecompressSync(packed, { maxOutputLength: MAX_RECORDED_BYTES });
    const start = MARK.length + 4;
    if (bytes.toString("latin1", 0, MARK.length) !== MARK) return unpackOldInputs(bytes);
    const end = start + bytes.readUInt32LE(MARK.length);
    const values: unknown = JSON.parse(bytes.toString("utf8", start, end));
    return { values: textValues(values), files: Object.fromEntries(readFileList(bytes.subarray(end))) };
  } catch {
    return { values: {}, files: {} };
  }
}

/** As versions before this one recorded them. */
function unpackOldInputs(bytes: Buffer): RecordedInputs {
  const recorded: unknown = JSON.parse(bytes.toString());
  if (typeof recorded !== "object" || recorded === null) return { values: {}, files: {} };
  return { values: textValues(Reflect.get(recorded, "values")), files: textValues(Reflect.get(recorded, "files")) };
}
