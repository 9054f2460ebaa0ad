import { readSync } from "node:fs";
import type { SpillCopy, SpilledFile } from "#erofs";
import { writeFully } from "./layerFile.ts";
import type { StopFlag } from "./stopFlag.ts";

const CHUNK_BYTES = 1 << 20;

/** Makes the expanded copies of sparse files within a layer file; what lies between the runs stays a hole. */
export function copySpill(fd: number, files: readonly SpilledFile[], stop: StopFlag): void {
  if (files.length === 0) return;
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (const file of files) {
    for (const copy of file.copies) copyRun(fd, copy, buffer, stop);
  }
}

function copyRun(fd: number, copy: SpillCopy, buffer: Buffer, stop: StopFlag): void {
  for (let done = 0; done < copy.length; ) {
    stop.check();
    const got = readSync(fd, buffer, 0, Math.min(buffer.length, copy.length - done), copy.from + done);
    if (got === 0) throw new Error("a run of a sparse file lies beyond the tar");
    writeFully(fd, buffer.subarray(0, got), copy.to + done);
    done += got;
  }
}
