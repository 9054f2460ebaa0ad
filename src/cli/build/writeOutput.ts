import { createWriteStream, mkdirSync } from "node:fs";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readTarStream } from "#tar";
import { unpackLocal } from "../copy/unpack.ts";
import type { Output } from "./outputs.ts";

/** Puts what the daemon sends where it belongs. @throws {Error} naming the path */
export async function writeOutput(output: Output, bytes: AsyncIterable<Uint8Array>, stdout: Writable): Promise<void> {
  const { destination, isDirectory } = output;
  if (isDirectory) {
    mkdirSync(destination, { recursive: true });
    await unpackLocal(readTarStream(bytes), { folder: destination, links: "anywhere" });
    return;
  }
  if (destination === "-") {
    for await (const chunk of bytes) {
      if (!stdout.write(chunk)) await new Promise((drained) => stdout.once("drain", drained));
    }
    return;
  }
  await pipeline(bytes, createWriteStream(destination));
}
