import { FRAME_HEADER_BYTES, STREAM_NUMBER } from "#engineapi";
import type { OutputFrame } from "../containerService.ts";

/** Takes framed bytes apart again; every chunk holds whole frames. */
export async function* framesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<OutputFrame> {
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUInt32BE(at + 4);
      const start = at + FRAME_HEADER_BYTES;
      const stream = bytes[at] === STREAM_NUMBER.stderr ? "stderr" : "stdout";
      yield { stream, bytes: bytes.subarray(start, start + length) };
      at = start + length;
    }
  }
}
