import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { parseLayerHead } from "#erofs";
import { drain } from "./byteSource.ts";
import { completeFile } from "./growingFile.ts";
import type { VerifiedLayerFile, VerifyJob } from "./jobs.ts";
import { HEAD_BYTES, indexDigestOf, readExactly } from "./layerFile.ts";
import { StopFlag } from "./stopFlag.ts";

const BLOCK_BYTES = 512;

/** The job "verify": hashes what a crash may have damaged. Nothing is judged here. */
export function verifyLayerFile(job: VerifyJob): VerifiedLayerFile {
  const hash = createHash(job.algorithm);
  const tar = completeFile(job.path, job.tarBytes, HEAD_BYTES);
  drain({ from: "file", file: tar }, new StopFlag(job.stop), (chunk) => void hash.update(chunk));
  const fd = openSync(job.path, "r");
  try {
    const head = readExactly(fd, 0, HEAD_BYTES);
    const { metadataOffset, fileBytes } = parseLayerHead(head);
    const metadata = readExactly(fd, metadataOffset, fileBytes - metadataOffset);
    const tarEnd = Math.ceil((HEAD_BYTES + job.tarBytes) / BLOCK_BYTES) * BLOCK_BYTES;
    return {
      tarHex: hash.digest("hex"),
      indexDigest: indexDigestOf(head, metadata),
      hasSpill: metadataOffset > tarEnd,
    };
  } finally {
    closeSync(fd);
  }
}
