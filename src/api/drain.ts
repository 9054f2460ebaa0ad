import type { IncomingMessage } from "node:http";
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

/** As Go's server, which is what clients were made for: they tell of an answer that overtakes a short body as of a fault. */
const MAX_DISCARDED = 256 << 10;

/** Takes what is left of a request's body, up to a bound; resolves when there is no more, or more than that. */
export function discardBody(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let taken = 0;
    const done = (): void => {
      request.off("data", count).off("end", done).off("close", done).off("error", done);
      resolve();
    };
    const count = (chunk: Uint8Array): void => {
      taken += chunk.byteLength;
      if (taken > MAX_DISCARDED) done();
    };
    request.on("data", count).on("end", done).on("close", done).on("error", done);
  });
}
