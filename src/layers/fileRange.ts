import type { FileHandle } from "node:fs/promises";
import { EngineError, ErrorCode } from "#errors";

/** As large as a chunk may be; measured no slower than 256 KiB and a quarter of the calls. */
const CHUNK_BYTES = 1 << 20;

export interface FileRange {
  readonly offset: number;
  readonly length: number;
  readonly signal?: AbortSignal | undefined;
}

/** The bytes of a range in fresh buffers that belong to the receiver; one read is always ahead of it. */
export async function* readFileRange(file: FileHandle, range: FileRange): AsyncGenerator<Uint8Array> {
  const end = range.offset + range.length;
  let position = range.offset;
  let ahead = position < end ? readChunk(file, position, end) : undefined;
  while (ahead !== undefined) {
    const chunk = await ahead;
    if (range.signal?.aborted === true)
      throw new EngineError("cancelled", ErrorCode.CANCELLED, "reading a layer was cancelled");
    position += chunk.length;
    ahead = position < end ? readChunk(file, position, end) : undefined;
    // Its failure is met by the next turn; a receiver that stops early must not leave it unhandled.
    ahead?.catch(() => undefined);
    yield chunk;
  }
}

async function readChunk(file: FileHandle, position: number, end: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - position));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, position);
  if (bytesRead === 0) throw new EngineError("data_loss", ErrorCode.INVALID_EROFS, "a layer file is cut short");
  return bytesRead === bytes.length ? bytes : bytes.subarray(0, bytesRead);
}
