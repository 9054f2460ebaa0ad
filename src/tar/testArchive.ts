/** For tests: archives laid byte by byte, so that headers can say what no writer of ours would. */
import { TarScanner } from "./scanner.ts";
import type { TarEntry, TarLimits } from "./entry.ts";
import { BLOCK } from "./headerBlock.ts";

/** Fields of a raw header; texts go in as latin1, numbers as octal, `raw` overwrites any bytes last. */
export interface RawHeader {
  readonly name?: string;
  readonly flag?: string;
  readonly size?: number;
  readonly mode?: number;
  readonly mtime?: number;
  readonly link?: string;
  readonly magic?: string;
  readonly prefix?: string;
  readonly raw?: readonly (readonly [offset: number, bytes: string | Uint8Array])[];
}

export function rawHeader(fields: RawHeader): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(fields.name ?? "file", 0, 100, "latin1");
  const octal = (value: number, offset: number, digits: number): number =>
    block.write(`${value.toString(8).padStart(digits, "0")}\0`, offset, "latin1");
  octal(fields.mode ?? 0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(fields.size ?? 0, 124, 11);
  octal(fields.mtime ?? 0, 136, 11);
  block.write(fields.flag ?? "0", 156, "latin1");
  block.write(fields.link ?? "", 157, 100, "latin1");
  block.write(fields.magic ?? "ustar\x0000", 257, "latin1");
  block.write(fields.prefix ?? "", 345, 155, "latin1");
  for (const [offset, bytes] of fields.raw ?? []) block.set(Buffer.from(bytes as string, "latin1"), offset);
  return withChecksum(block);
}

/** Sets the checksum; `signed` as old Sun tars summed. */
export function withChecksum(block: Buffer, signed = false): Buffer {
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += signed && byte >= 0x80 ? byte - 256 : byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

export function padded(bytes: string | Uint8Array): Buffer {
  const data = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : Buffer.from(bytes);
  return Buffer.concat([data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
}

/** A header with its data. */
export function member(fields: RawHeader, data: string | Uint8Array = ""): Buffer {
  return Buffer.concat([rawHeader({ size: data.length, ...fields }), padded(data)]);
}

/** `x` or `g` header out of key → value; values are latin1. */
export function pax(records: readonly (readonly [string, string])[], flag = "x"): Buffer {
  const body = records.map(([key, value]) => {
    const rest = key.length + value.length + 3;
    let length = rest + String(rest).length;
    length = rest + String(length).length;
    return `${length} ${key}=${value}\n`;
  });
  return member({ name: "PaxHeaders/x", flag }, body.join(""));
}

export const END: Buffer = Buffer.alloc(2 * BLOCK);

/** All entries of an archive pushed in chunks of `chunkBytes` (default: at once), `finish` called. */
export function scan(
  archive: Uint8Array,
  chunkBytes: number = archive.length || 1,
  limits: Partial<TarLimits> = {},
): TarEntry[] {
  const entries: TarEntry[] = [];
  const scanner = new TarScanner({ limits, onEntry: (entry) => entries.push(entry) });
  for (let at = 0; at < archive.length; at += chunkBytes) scanner.push(archive.subarray(at, at + chunkBytes));
  scanner.finish();
  return entries;
}

/** The only entry of an archive made of `parts`, EOF blocks added; scanned whole and byte by byte. */
export function only(...parts: readonly Uint8Array[]): TarEntry {
  const archive = Buffer.concat([...parts, END]);
  const [entry, ...more] = scan(archive);
  if (entry === undefined || more.length > 0)
    throw new Error(`expected one entry, got ${more.length + (entry === undefined ? 0 : 1)}`);
  if (JSON.stringify(scan(archive, 1)) !== JSON.stringify([entry])) throw new Error("chunking changed the result");
  return entry;
}
