/** Archives as people hand them in: plain, or through one compressor. */
import { Readable, pipeline } from "node:stream";
import type { Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EngineError, ErrorCode } from "#errors";
import { findProgram, spawnProcess } from "#host";
import { PeekedStream } from "./peekedStream.ts";

const CHUNK_BYTES = 1 << 20;
const SNIFF_BYTES = 6;
const MAX_STDERR_BYTES = 4096;

/** A compression of a whole archive or of one layer in it. */
export type ArchiveCompression = "none" | "gzip" | "zstd" | "xz" | "bzip2";

const MAGICS: readonly (readonly [RegExp, ArchiveCompression])[] = [
  [/^1f8b/, "gzip"],
  [/^28b52ffd|^5.2a4d18/, "zstd"],
  [/^fd377a585a00/, "xz"],
  [/^425a68/, "bzip2"],
];

/** What the first bytes say; six are enough. */
export function sniffArchive(head: Uint8Array): ArchiveCompression {
  const hex = Buffer.from(head.subarray(0, SNIFF_BYTES)).toString("hex");
  return MAGICS.find(([magic]) => magic.test(hex))?.[1] ?? "none";
}

/**
 * The plain bytes of what may be compressed; the magic decides. xz and bzip2 go through the programs of that name.
 * @throws {not_found} MISSING_PROGRAM; {data_loss} INVALID_COMPRESSION
 */
export async function* openArchiveInput(
  source: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const peeked = await PeekedStream.open(source, SNIFF_BYTES);
  yield* decompress(peeked, sniffArchive(peeked.head), signal);
}

/** Plain bytes of a stream whose compression is known. @throws as {@link openArchiveInput} */
export function decompress(
  source: AsyncIterable<Uint8Array>,
  compression: ArchiveCompression,
  signal?: AbortSignal,
): AsyncIterable<Uint8Array> {
  switch (compression) {
    case "none":
      return source;
    case "gzip":
      return throughTransform(source, createGunzip({ chunkSize: CHUNK_BYTES }), compression);
    case "zstd":
      return throughTransform(source, createZstdDecompress({ chunkSize: CHUNK_BYTES }), compression);
    case "xz":
    case "bzip2":
      return throughProgram(source, compression, signal);
  }
}

async function* throughTransform(
  source: AsyncIterable<Uint8Array>,
  transform: Transform,
  compression: ArchiveCompression,
): AsyncGenerator<Uint8Array, void, void> {
  // The iteration below sees every failure; the callback only keeps `pipeline` from throwing it again.
  const output = pipeline(Readable.from(source, { objectMode: false }), transform, () => undefined);
  try {
    for await (const chunk of output) yield Buffer.from(chunk);
  } catch (error) {
    throw isZlibError(error) ? damaged(compression, error) : error;
  }
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^(Z_|ZSTD_)/.test(String(error.code));
}

function damaged(compression: ArchiveCompression, cause: Error): EngineError {
  const message = `damaged ${compression} stream: ${cause.message}`;
  return new EngineError("data_loss", ErrorCode.INVALID_COMPRESSION, message, { cause });
}

async function* throughProgram(
  source: AsyncIterable<Uint8Array>,
  name: "xz" | "bzip2",
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const file = findProgram(name);
  if (file === undefined) {
    const hint = `install the Debian package ${name === "xz" ? "xz-utils" : name}`;
    const message = `the archive is compressed with ${name}, and there is no program ${name} to read it`;
    throw new EngineError("not_found", ErrorCode.MISSING_PROGRAM, message, { hint });
  }
  const child = await spawnProcess({
    file,
    args: ["-dc"],
    stdio: ["pipe", "pipe", "pipe"],
    ...(signal === undefined ? {} : { signal }),
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error(`${name} was started without pipes`);
  let complaint = "";
  stderr.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(0, MAX_STDERR_BYTES)));
  let broken: Error | undefined;
  pipeline(Readable.from(source, { objectMode: false }), stdin, (error) => (broken = error ?? undefined));
  try {
    for await (const chunk of stdout) yield Buffer.from(chunk);
    const code = await ended;
    if (code === 0) return;
    if (broken !== undefined && !isPipeError(broken)) throw broken;
    throw damaged(name, new Error(complaint.trim().split("\n")[0] ?? `exit status ${code}`));
  } finally {
    child.kill("SIGKILL");
  }
}

/** The program went first; its exit status says why. */
function isPipeError(error: Error): boolean {
  return "code" in error && (error.code === "EPIPE" || error.code === "ERR_STREAM_PREMATURE_CLOSE");
}
