import type { FileHandle } from "node:fs/promises";
import { EngineError, ErrorCode } from "#errors";

/** A run of bytes in a file that may be read at any place. Who opened the file closes it. */
export interface FileSpan {
  readonly file: FileHandle;
  readonly offset: number;
  /** bytes */
  readonly size: number;
}

export interface SpanRange {
  /** From the start of the span; default 0. */
  readonly offset?: number;
  /** Default: to its end. */
  readonly length?: number;
  readonly signal?: AbortSignal | undefined;
}

const CHUNK_BYTES = 1 << 20;

/** The bytes of a range in fresh buffers of at most 1 MiB. @throws {data_loss} when the file became shorter */
export async function* readSpan(span: FileSpan, range: SpanRange = {}): AsyncGenerator<Uint8Array, void, void> {
  const start = range.offset ?? 0;
  const end = Math.min(span.size, start + (range.length ?? span.size));
  for (let at = start; at < end; ) {
    throwIfAborted(range.signal);
    const chunk = await readAt(span, at, Math.min(CHUNK_BYTES, end - at));
    at += chunk.length;
    yield chunk;
  }
}

/** At least one byte, at most `length`. @throws {data_loss} when the file became shorter */
export async function readAt(span: FileSpan, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(Math.min(length, span.size - at));
  const { bytesRead } = await span.file.read(bytes, 0, bytes.length, span.offset + at);
  if (bytesRead === 0) throw new EngineError("data_loss", ErrorCode.TAR_TRUNCATED, "the file is cut short");
  return bytes.subarray(0, bytesRead);
}

/** All bytes of a small span. */
export async function readWhole(span: FileSpan): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of readSpan(span)) parts.push(chunk);
  return Buffer.concat(parts);
}

/** @throws {cancelled} */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new EngineError("cancelled", ErrorCode.CANCELLED, "reading an image was cancelled", { cause: signal.reason });
}
