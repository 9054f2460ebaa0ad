import { setTimeout as delay } from "node:timers/promises";
import type { BlobWriter } from "#content";
import { findEngineError } from "#errors";
import type { GrowingFileWriter } from "#layers";
import type { Descriptor } from "#oci";
import type { BlobStream, RepositoryReader } from "#remote";
import type { LayerProgress } from "../layerProgress.ts";
import { cancelled, throwIfAborted } from "./slots.ts";

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;
/** An attempt that brought this much counts as a success: a bad line is no reason to give up a large blob. */
const WORTHWHILE_BYTES = 1 << 20;

/** One blob on its way into an ingest, with whoever reads behind it. */
export interface Download {
  readonly repository: RepositoryReader;
  readonly descriptor: Descriptor;
  readonly writer: BlobWriter;
  readonly growing: GrowingFileWriter;
  readonly lines: LayerProgress;
  readonly attempts: number;
  readonly signal: AbortSignal;
}

/** Fetches what the ingest lacks, going on by range after a cut. Does not verify. @throws {unavailable} after the last attempt. */
export async function download(job: Download): Promise<void> {
  let failures = 0;
  while (job.writer.offset < job.descriptor.size) {
    const start = job.writer.offset;
    try {
      await receive(job);
    } catch (error) {
      throwIfAborted(job.signal);
      failures = job.writer.offset - start >= WORTHWHILE_BYTES ? 1 : failures + 1;
      if (!isTransient(error) || failures >= job.attempts) throw error;
      await pause(job, failures);
    }
  }
}

function isTransient(error: unknown): boolean {
  const inner = findEngineError(error);
  return inner?.category === "unavailable" || inner?.details?.["retryable"] === true;
}

async function receive(job: Download): Promise<void> {
  const { repository, descriptor, writer, signal } = job;
  await using stream = await repository.openBlob(descriptor, { offset: writer.offset, signal });
  for await (const chunk of fresh(stream, writer.offset)) {
    await writer.write(chunk);
    job.growing.advance(writer.offset);
    job.lines.bytes("Downloading", writer.offset, descriptor.size);
  }
}

/** A server that does not do ranges starts again at 0: what is here already is passed over, the digest tells in the end. */
async function* fresh(stream: BlobStream, have: number): AsyncGenerator<Uint8Array, void, void> {
  let position = stream.offset;
  for await (const chunk of stream.body) {
    const known = Math.min(chunk.length, Math.max(0, have - position));
    position += chunk.length;
    if (known < chunk.length) yield chunk.subarray(known);
  }
}

async function pause(job: Download, failures: number): Promise<void> {
  const ms = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
  const seconds = Math.ceil(ms / 1000);
  job.lines.status(`Retrying in ${seconds} second${seconds === 1 ? "" : "s"}`);
  try {
    await delay(ms, undefined, { signal: job.signal });
  } catch {
    throw cancelled(job.signal);
  }
}
