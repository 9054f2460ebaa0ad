import type { Writable } from "node:stream";

/** Resolves when the stream can take more, or is gone. */
function untilWritable(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}

/** Writes with back-pressure. A stream that is gone takes everything: its reader learns of the end. */
export async function writeTo(stream: Writable, bytes: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return;
  if (!stream.write(bytes) && !stream.destroyed) await untilWritable(stream);
}
