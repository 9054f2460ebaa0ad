import { once } from "node:events";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { EngineError, ErrorCode, isEngineError, messageOf } from "#errors";
import { openInflater } from "#host";
import { GzipMembers } from "./gzipMembers.ts";
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
  const inflater = job.compression === "gzip" ? openInflater() : undefined;
  try {
    if (inflater === undefined) await inflateStream(reader, slots, job.compression);
    else inflateMembers(reader, new GzipMembers(inflater, slots));
  } catch (error) {
    throw isEngineError(error) ? error : invalidData(job.compression, error);
  }
  slots.end();
  return { bytes: reader.position };
}

function inflateMembers(reader: PayloadReader, members: GzipMembers): void {
  for (let chunk = reader.read(); chunk !== undefined; chunk = reader.read()) members.push(chunk);
  members.finish();
}

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

/** Failures of files are told as what they are, not as bad data. */
function invalidData(compression: string, cause: unknown): unknown {
  if (cause instanceof Error && "syscall" in cause) return cause;
  const message = `invalid ${compression} data: ${messageOf(cause)}`;
  return new EngineError("data_loss", ErrorCode.INVALID_COMPRESSION, message, { cause });
}
