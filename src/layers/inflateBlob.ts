import { EngineError, ErrorCode, isEngineError, messageOf } from "#errors";
import { openInflater } from "#host";
import { GzipMembers } from "./gzipMembers.ts";
import { inflateStream } from "./inflateStream.ts";
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

/** Failures of files are told as what they are, not as bad data. */
function invalidData(compression: string, cause: unknown): unknown {
  if (cause instanceof Error && "syscall" in cause) return cause;
  const message = `invalid ${compression} data: ${messageOf(cause)}`;
  return new EngineError("data_loss", ErrorCode.INVALID_COMPRESSION, message, { cause });
}
