import { createHash } from "node:crypto";
import { drain } from "./byteSource.ts";
import type { HashedBytes, HashJob } from "./jobs.ts";
import { StopFlag } from "./stopFlag.ts";

/** The job "hash". */
export function hashBytes(job: HashJob): HashedBytes {
  const hash = createHash(job.algorithm);
  let bytes = 0;
  drain(job.source, new StopFlag(job.stop), (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  return { hex: hash.digest("hex"), bytes };
}
