import type { Writable } from "node:stream";

/** Resolves when the stream can take more, or is gone. Leaves no listener behind, however often it is asked. */
export function untilWritable(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}
