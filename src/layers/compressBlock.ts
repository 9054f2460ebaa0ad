import { closeSync, openSync } from "node:fs";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { openGzipCompressor } from "#host";
import type { CompressedBlock, CompressJob } from "./jobs.ts";
import { readFully } from "./layerFile.ts";
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

/** The thread's own memory, used for every block: fresh pages fault, and garbage of megabytes makes V8 mark its heap all the time. */
let plainMemory: Buffer = Buffer.alloc(0);

/** The job "compress". */
export function compressBlock(job: CompressJob): CompressedBlock {
  new StopFlag(job.stop).check();
  const output = Buffer.from(job.output);
  const fd = openSync(job.path, "r");
  try {
    if (plainMemory.length < job.length) plainMemory = Buffer.allocUnsafeSlow(job.length);
    const plain = plainMemory.subarray(0, job.length);
    readFully(fd, plain, job.offset);
    return { bytes: compress(plain, job, output) };
  } finally {
    closeSync(fd);
  }
}

function gzip(plain: Buffer, level: number, output: Buffer): number {
  const native = openGzipCompressor();
  return native?.(plain, level, output) ?? put(gzipSync(plain, { level, chunkSize: OUTPUT_BYTES }), output);
}

/** @throws RangeError when there is no room */
function put(bytes: Uint8Array, output: Buffer): number {
  output.set(bytes);
  return bytes.length;
}

/** Archives, pictures and the like are not: they would take most of a push for nothing. The output is scratch. */
function isCompressible(plain: Buffer, output: Buffer): boolean {
  if (plain.length <= SAMPLES * SAMPLE_BYTES) return true;
  const step = Math.floor((plain.length - SAMPLE_BYTES) / (SAMPLES - 1));
  const parts = Array.from({ length: SAMPLES }, (_, index) =>
    plain.subarray(index * step, index * step + SAMPLE_BYTES),
  );
  const sample = Buffer.concat(parts);
  return gzip(sample, SAMPLE_LEVEL, output) < sample.length * (1 - LEAST_GAIN);
}

function compress(plain: Buffer, { compression, level }: CompressJob, output: Buffer): number {
  switch (compression) {
    case "gzip":
      return gzip(plain, isCompressible(plain, output) ? level : STORED, output);
    case "zstd": {
      const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
      return put(zstdCompressSync(plain, { chunkSize: OUTPUT_BYTES, params }), output);
    }
  }
}
