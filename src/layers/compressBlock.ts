import type { CompressedBlock, CompressJob } from "./jobs.ts";

/** The job "compress". */
export function compressBlock(_job: CompressJob): CompressedBlock {
  throw new Error("not yet");
}
