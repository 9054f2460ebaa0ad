import { once } from "node:events";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EngineError, ErrorCode } from "#errors";
import type { InflateJob } from "./jobs.ts";
import { PayloadReader } from "./payloadReader.ts";
import { SlotWriter } from "./slotWriter.ts";
import { StopFlag } from "./stopFlag.ts";

const CHUNK_BYTES = 1 << 18;

/** The job "inflate". */
export async function inflateBlob(job: InflateJob): Promise<{ readonly bytes: number }> {
  const stop = new StopFlag(job.stop);
  using reader = new PayloadReader(job.source, stop, CHUNK_BYTES);
  const slots = new SlotWriter(job.ring, stop);
  const stream =
    job.compression === "gzip"
      ? createGunzip({ chunkSize: CHUNK_BYTES })
      : createZstdDecompress({ chunkSize: CHUNK_BYTES });
  stream.on("data", (chunk: Buffer) => slots.write(chunk));
  const ended = once(stream, "end");
  try {
    for (let chunk = reader.read(); chunk !== undefined; chunk = reader.read()) {
      if (!stream.write(Buffer.from(chunk))) await once(stream, "drain");
    }
    stream.end();
    await ended;
  } catch (error) {
    ended.catch(() => undefined);
    throw error instanceof EngineError
      ? error
      : new EngineError("data_loss", ErrorCode.INVALID_COMPRESSION, `bad ${job.compression}: ${String(error)}`, {
          cause: error,
        });
  }
  slots.end();
  return { bytes: reader.position };
}
