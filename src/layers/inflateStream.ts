import { once } from "node:events";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { InflateJob } from "./jobs.ts";
import type { PayloadReader } from "./payloadReader.ts";
import type { SlotWriter } from "./slotWriter.ts";

const CHUNK_BYTES = 1 << 18;

/** Through Node's public streams: zstd always, gzip where isa-l is missing (a quarter second a gigabyte slower). */
export async function inflateStream(
  reader: PayloadReader,
  slots: SlotWriter,
  compression: InflateJob["compression"],
): Promise<void> {
  const open = compression === "gzip" ? createGunzip : createZstdDecompress;
  const stream = open({ chunkSize: CHUNK_BYTES });
  stream.on("data", (chunk: Buffer) => slots.write(chunk));
  const ended = once(stream, "end");
  try {
    for (let chunk = reader.read(); chunk !== undefined; chunk = reader.read()) {
      // A copy, because the stream may hold it beyond the next read.
      if (!stream.write(Buffer.from(chunk))) await Promise.race([once(stream, "drain"), ended]);
    }
    stream.end();
    await ended;
  } catch (error) {
    ended.catch(() => undefined);
    stream.destroy();
    throw error;
  }
}
