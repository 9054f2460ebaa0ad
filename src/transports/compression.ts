import { Readable, pipeline } from "node:stream";
import type { Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EngineError, ErrorCode } from "#errors";
import { readAt } from "./fileSpan.ts";
import type { FileSpan } from "./fileSpan.ts";

const CHUNK_BYTES = 1 << 18;
/** So many bytes tell every compression. */
export const MAGIC_BYTES = 6;

const MAGICS: readonly (readonly [RegExp, "gzip" | "zstd" | "xz" | "bzip2"])[] = [
  [/^1f8b/, "gzip"],
  // RFC 8878 §3.1.1 and §3.1.2: a frame, or one of the 16 kinds of skippable frames, which may come first.
  [/^28b52ffd|^5.2a4d18/, "zstd"],
  [/^fd377a585a00/, "xz"],
  [/^425a68/, "bzip2"],
];

/** What the first bytes say; a media type may be wrong. @throws {invalid_argument} UNSUPPORTED_MEDIA_TYPE for xz and bzip2 */
export function sniffCompression(head: Uint8Array): "none" | "gzip" | "zstd" {
  const hex = Buffer.from(head.subarray(0, MAGIC_BYTES)).toString("hex");
  const found = MAGICS.find(([magic]) => magic.test(hex))?.[1] ?? "none";
  if (found !== "xz" && found !== "bzip2") return found;
  const message = `compressed with ${found}: only gzip and zstd are read`;
  throw new EngineError("invalid_argument", ErrorCode.UNSUPPORTED_MEDIA_TYPE, message);
}

/** What lies in a file. @throws as {@link sniffCompression} */
export async function compressionOfSpan(span: FileSpan): Promise<"none" | "gzip" | "zstd"> {
  return span.size === 0 ? "none" : sniffCompression(await readAt(span, 0, MAGIC_BYTES));
}

/**
 * The plain bytes of a stream; the receiver may keep the chunks, the sender may reuse its own.
 * @throws {data_loss} INVALID_COMPRESSION
 */
export async function* inflate(
  source: AsyncIterable<Uint8Array>,
  compression: "gzip" | "zstd",
): AsyncGenerator<Uint8Array, void, void> {
  const options = { chunkSize: CHUNK_BYTES };
  const transform: Transform = compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
  // The iteration below sees every failure; the callback only keeps `pipeline` from throwing it again.
  const output = pipeline(Readable.from(copied(source), { objectMode: false }), transform, () => undefined);
  try {
    for await (const chunk of output) yield Buffer.from(chunk);
  } catch (error) {
    throw isZlibError(error) ? damaged(compression, error) : error;
  }
}

/** Streams hold a chunk beyond the next read. */
async function* copied(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of source) yield Buffer.from(chunk);
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^(Z_|ZSTD_)/.test(String(error.code));
}

function damaged(compression: string, cause: Error): EngineError {
  const message = `invalid ${compression} data: ${cause.message}`;
  return new EngineError("data_loss", ErrorCode.INVALID_COMPRESSION, message, { cause });
}
