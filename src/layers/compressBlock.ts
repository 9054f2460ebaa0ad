import { closeSync, openSync } from "node:fs";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { openGzipCompressor } from "#host";
import type { CompressedBlock, CompressJob } from "./jobs.ts";
import { readExactly } from "./layerFile.ts";
import { StopFlag } from "./stopFlag.ts";

/** Large steps: the default of 16 KiB makes hundreds of small buffers a block. */
const OUTPUT_BYTES = 1 << 20;

/** The job "compress". */
export function compressBlock(job: CompressJob): CompressedBlock {
  new StopFlag(job.stop).check();
  const fd = openSync(job.path, "r");
  try {
    const plain = readExactly(fd, job.offset, job.length);
    // An exact copy of its own, so that it can move to the main thread.
    return { bytes: new Uint8Array(compress(plain, job)) };
  } finally {
    closeSync(fd);
  }
}

function compress(plain: Buffer, { compression, level }: CompressJob): Buffer {
  switch (compression) {
    case "gzip":
      return openGzipCompressor()?.(plain, level) ?? gzipSync(plain, { level, chunkSize: OUTPUT_BYTES });
    case "zstd":
      return zstdCompressSync(plain, {
        chunkSize: OUTPUT_BYTES,
        params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
      });
  }
}
