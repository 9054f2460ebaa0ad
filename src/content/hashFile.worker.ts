/** Hashes whole files off the event loop; one request at a time, synchronous reads (nothing else runs here). */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { encodeError } from "#errors";
import { toContentError } from "./contentError.ts";
import type { HashAnswer, HashRequest } from "./fileHasher.ts";

const buffer: Uint8Array = new Uint8Array(1 << 20);

function hashFile(path: string, algorithm: string): string {
  const descriptor = openSync(path, "r");
  try {
    const hash = createHash(algorithm);
    for (;;) {
      const count = readSync(descriptor, buffer);
      if (count === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}

function answer({ id, path, algorithm }: HashRequest): HashAnswer {
  try {
    return { id, hex: hashFile(path, algorithm) };
  } catch (error) {
    return { id, error: encodeError(toContentError(error, "content: hash")) };
  }
}

parentPort?.on("message", (request: HashRequest) => parentPort?.postMessage(answer(request)));
