/**
 * The table of contents that an eStargz layer carries at its end: entries without reading the layer, files by their own gzip members.
 * @see containerd/stargz-snapshotter docs/estargz.md
 */
import { hash } from "node:crypto";
import { createGunzip } from "node:zlib";
import { pipeline, Readable } from "node:stream";
import { LayerTree } from "#erofs";
import { EngineError, ErrorCode } from "#errors";
import { algorithmOf, hexOf, isDigest } from "#oci";
import type { Descriptor, Digest } from "#oci";
import { readTarStream } from "#tar";
import type { TarEntry, TarEntryType } from "#tar";
import type { LayerBytes } from "./layerBytes.ts";
import { scannedLayerOf } from "./scanLayer.ts";
import type { ScannedLayer, StargzChunk } from "./scanLayer.ts";

const TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest";
const TOC_NAME = "stargz.index.json";
const FOOTER_BYTES = 51;
/** An empty gzip member with one extra field: `SG`, 22 bytes, the offset of the table in hex and `STARGZ`. */
const FOOTER = /^1f8b0804.{12}1a0053471600((?:3[0-9]|6[1-6]){16})53544152475a/;
const MAX_TOC_BYTES = 128 << 20;
const MAX_CHUNK_BYTES = 64 << 20;

/**
 * The layer as its table tells it; undefined when there is none that its manifest vouches for. What the layer really holds
 * is not looked at. The table itself, which the layer's tar may list as a file, is left out.
 * @throws {data_loss} DIGEST_MISMATCH when the table is not the one of the manifest
 */
export async function readStargz(bytes: LayerBytes, signal?: AbortSignal): Promise<ScannedLayer | undefined> {
  const { descriptor } = bytes;
  const promised = descriptor?.annotations?.[TOC_DIGEST] ?? "";
  if (descriptor === undefined || !isDigest(promised) || descriptor.size <= FOOTER_BYTES) return undefined;
  const footer = await collect(bytes.openAt(descriptor.size - FOOTER_BYTES, signal), FOOTER_BYTES);
  const offset = offsetOf(footer, descriptor);
  if (offset === undefined) return undefined;
  const tail = descriptor.size - FOOTER_BYTES - offset;
  const packed = await collect(bytes.openAt(offset, signal), tail);
  for await (const { entry, body } of readTarStream(gunzip(one(packed)), { maxEntries: 1 })) {
    if (entry.path !== TOC_NAME || entry.size > MAX_TOC_BYTES) return undefined;
    return layerOf(parseToc(await collect(body, entry.size), promised));
  }
  return undefined;
}

function offsetOf(footer: Buffer, { size }: Descriptor): number | undefined {
  const [, digits = ""] = FOOTER.exec(footer.toString("hex")) ?? [];
  const offset = Number.parseInt(Buffer.from(digits, "hex").toString("latin1"), 16);
  const fits = offset >= 0 && offset < size - FOOTER_BYTES && size - offset <= MAX_TOC_BYTES;
  return fits ? offset : undefined;
}

/** The bytes of one file, chunk by chunk, each verified before it is given. */
export async function* readChunks(
  bytes: LayerBytes,
  chunks: readonly StargzChunk[],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  for (const { offset, skip, size, digest } of chunks) {
    const plain = await collect(gunzip(bytes.openAt(offset, signal)), skip + size);
    const chunk = plain.subarray(skip);
    checkDigest(chunk, digest, `a file of blob ${bytes.descriptor?.digest ?? ""}`);
    yield chunk;
  }
}

type Json = Readonly<Record<string, unknown>>;

function parseToc(raw: Buffer, promised: Digest): readonly Json[] {
  checkDigest(raw, promised, "the table of contents of an eStargz layer");
  let value: unknown;
  try {
    value = JSON.parse(raw.toString("utf8"));
  } catch (cause) {
    throw invalid("it is not JSON", cause);
  }
  const entries: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "entries") : undefined;
  if (!Array.isArray(entries)) throw invalid("it has no entries");
  return entries.map((entry: unknown) => {
    if (typeof entry === "object" && entry !== null && !Array.isArray(entry)) return entry as Json;
    throw invalid("an entry is no object");
  });
}

function layerOf(toc: readonly Json[]): ScannedLayer | undefined {
  const tree = new LayerTree();
  const chunks: StargzChunk[][] = [];
  const sizes: number[] = [];
  for (const entry of toc) {
    if (entry["type"] === "chunk") {
      chunks.at(-1)?.push(chunkOf(entry, sizes.at(-1) ?? 0));
      continue;
    }
    const type = TYPES.get(String(entry["type"]));
    if (type === undefined) throw invalid(`entry of type ${JSON.stringify(entry["type"])}`);
    const tarEntry = tarEntryOf(entry, type, chunks.length);
    if (type === "file") {
      chunks.push(tarEntry.size === 0 ? [] : [chunkOf(entry, tarEntry.size)]);
      sizes.push(tarEntry.size);
    }
    tree.add(tarEntry);
  }
  if (chunks.some((list, index) => !isWhole(list, sizes[index] ?? 0))) return undefined;
  return { ...scannedLayerOf(tree.finish()), chunks };
}

function isWhole(list: readonly StargzChunk[], size: number): boolean {
  return list.every(({ size: bytes }) => bytes > 0 && bytes <= MAX_CHUNK_BYTES) && sum(list) === size;
}

function sum(list: readonly StargzChunk[]): number {
  return list.reduce((total, { size }) => total + size, 0);
}

const TYPES: ReadonlyMap<string, TarEntryType> = new Map([
  ["reg", "file"],
  ["dir", "directory"],
  ["symlink", "symlink"],
  ["hardlink", "hardlink"],
  ["char", "char"],
  ["block", "block"],
  ["fifo", "fifo"],
]);

function tarEntryOf(entry: Json, type: TarEntryType, dataOffset: number): TarEntry {
  const time = Date.parse(text(entry, "modtime"));
  const size = type === "file" ? number(entry, "size") : 0;
  return {
    path: latin1(text(entry, "name")),
    type,
    mode: number(entry, "mode") & 0o7777,
    uid: number(entry, "uid"),
    gid: number(entry, "gid"),
    size,
    mtimeSeconds: Number.isNaN(time) ? 0 : Math.floor(time / 1000),
    mtimeNanoseconds: 0,
    linkPath: type === "symlink" || type === "hardlink" ? latin1(text(entry, "linkName")) : "",
    deviceMajor: number(entry, "devMajor"),
    deviceMinor: number(entry, "devMinor"),
    xattrs: xattrsOf(entry["xattrs"]),
    dataOffset,
    storedSize: size,
    sparse: undefined,
  };
}

/** A size of 0 means the rest of the file. */
function chunkOf(entry: Json, fileSize: number): StargzChunk {
  const digest = text(entry, "chunkDigest") || text(entry, "digest");
  if (!isDigest(digest)) throw invalid("a chunk has no digest");
  const size = number(entry, "chunkSize") || fileSize - number(entry, "chunkOffset");
  return { offset: number(entry, "offset"), skip: number(entry, "innerOffset"), size, digest };
}

function xattrsOf(value: unknown): ReadonlyMap<string, Uint8Array> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const pairs = Object.entries(value).map(
    ([name, data]) => [latin1(name), Buffer.from(String(data), "base64")] as const,
  );
  return pairs.length === 0 ? undefined : new Map(pairs);
}

function latin1(utf8: string): string {
  return Buffer.from(utf8, "utf8").toString("latin1");
}

function text(entry: Json, key: string): string {
  const value = entry[key] ?? "";
  if (typeof value === "string") return value;
  throw invalid(`${key} is not a string`);
}

function number(entry: Json, key: string): number {
  const value = entry[key] ?? 0;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`${key} is not a whole number`);
}

function checkDigest(bytes: Uint8Array, expected: Digest, what: string): void {
  const actual = hash(algorithmOf(expected), bytes, "hex");
  if (actual === hexOf(expected)) return;
  const message = `${what}: expected ${expected}, got ${algorithmOf(expected)}:${actual}`;
  throw new EngineError("data_loss", ErrorCode.DIGEST_MISMATCH, message);
}

function invalid(why: string, cause?: unknown): EngineError {
  const message = `invalid table of contents of an eStargz layer: ${why}`;
  return new EngineError("data_loss", ErrorCode.INVALID_TAR, message, { cause });
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

/** Copies: the sender may reuse its chunks. Reading stops with the receiver. */
async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const copies = Readable.from(copied(source), { objectMode: false });
  const output = pipeline(copies, createGunzip(), () => undefined);
  for await (const chunk of output) yield Buffer.from(chunk);
}

async function* copied(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of source) yield Buffer.from(chunk);
}

/** The first bytes of a stream. @throws {data_loss} when there are fewer */
async function collect(source: AsyncIterable<Uint8Array>, size: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  if (size === 0) return Buffer.alloc(0);
  for await (const chunk of source) {
    const part = Buffer.from(chunk.subarray(0, size - length));
    parts.push(part);
    length += part.length;
    if (length === size) return Buffer.concat(parts);
  }
  throw invalid("the blob is shorter than it says");
}
