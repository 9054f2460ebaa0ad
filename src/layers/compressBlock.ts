import { closeSync, openSync } from "node:fs";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { openGzipCompressor } from "#host";
import type { CompressedBlock, CompressJob } from "./jobs.ts";
import { readExactly } from "./layerFile.ts";
import { StopFlag } from "./stopFlag.ts";

/** Large steps: the default of 16 KiB makes hundreds of small buffers a block. */
const OUTPUT_BYTES = 1 << 20;

/** Only wraps: 18 times as fast as looking in vain for something to compress (random bytes: 2128 and 119 MB/s a core). */
const STORED = 0;
/** Taken from all over a block to see whether it can be made smaller. */
const SAMPLES = 16;
const SAMPLE_BYTES = 4 << 10;
const SAMPLE_LEVEL = 1;
const LEAST_GAIN = 0.01;

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

function gzip(plain: Buffer, level: number): Buffer {
  return openGzipCompressor()?.(plain, level) ?? gzipSync(plain, { level, chunkSize: OUTPUT_BYTES });
}

/** Archives, pictures and the like are not: they would take most of a push for nothing. */
function isCompressible(plain: Buffer): boolean {
  if (plain.length <= SAMPLES * SAMPLE_BYTES) return true;
  const step = Math.floor((plain.length - SAMPLE_BYTES) / (SAMPLES - 1));
  const parts = Array.from({ length: SAMPLES }, (_, index) =>
    plain.subarray(index * step, index * step + SAMPLE_BYTES),
  );
  const sample = Buffer.concat(parts);
  return gzip(sample, SAMPLE_LEVEL).length < sample.length * (1 - LEAST_GAIN);
}

function compress(plain: Buffer, { compression, level }: CompressJob): Buffer {
  switch (compression) {
    case "gzip":
      return gzip(plain, isCompressible(plain) ? level : STORED);
    case "zstd":
      return zstdCompressSync(plain, {
        chunkSize: OUTPUT_BYTES,
        params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
      });
  }
}
