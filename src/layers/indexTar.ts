import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { LayerTree, layoutErofs } from "#erofs";
import type { ErofsLayout } from "#erofs";
import { EngineError, ErrorCode } from "#errors";
import { TarScanner } from "#tar";
import { drain } from "./byteSource.ts";
import type { IndexedTar, IndexJob } from "./jobs.ts";
import { HEAD_BYTES, indexDigestOf, writeFully, writeSparsely } from "./layerFile.ts";
import { copySpill } from "./copySpill.ts";
import { StopFlag } from "./stopFlag.ts";

const UUID_BYTES = 16;

/** The job "index": tar in, whole layer file out. The head is written last: before that, the file is no layer. */
export function indexTar(job: IndexJob): IndexedTar {
  const fd = openSync(job.path, "r+");
  try {
    const stop = new StopFlag(job.stop);
    const received = receiveTar(job, fd, stop);
    const index = received.tree.finish();
    const uuid = Buffer.from(received.tarHex, "hex").subarray(0, UUID_BYTES);
    const layout = layoutErofs(index, { tarBytes: received.tarBytes, uuid });
    writeLayout(fd, layout, stop);
    const { impliedDirectories, lowerHardlinks, whiteoutDirectories, contentBytes, warnings } = index;
    return {
      tarHex: received.tarHex,
      tarBytes: received.tarBytes,
      contentBytes,
      fileBytes: layout.fileBytes,
      inodes: layout.inodes,
      indexDigest: indexDigestOf(layout.head, layout.metadata),
      impliedDirectories,
      lowerHardlinks,
      whiteoutDirectories,
      warnings,
    };
  } finally {
    closeSync(fd);
  }
}

interface ReceivedTar {
  readonly tree: LayerTree;
  readonly tarHex: string;
  readonly tarBytes: number;
}

function receiveTar(job: IndexJob, fd: number, stop: StopFlag): ReceivedTar {
  const hash = createHash(job.algorithm);
  const tree = new LayerTree();
  const scanner = new TarScanner({ onEntry: (entry) => tree.add(entry) });
  let tarBytes = 0;
  drain(job.source, stop, (chunk) => {
    if (tarBytes + chunk.length > job.maxTarBytes) throw tooLarge(job.maxTarBytes);
    writeSparsely(fd, chunk, HEAD_BYTES + tarBytes);
    hash.update(chunk);
    scanner.push(chunk);
    tarBytes += chunk.length;
  });
  scanner.finish();
  return { tree, tarHex: hash.digest("hex"), tarBytes };
}

function tooLarge(limit: number): EngineError {
  return new EngineError(
    "resource_exhausted",
    ErrorCode.LAYER_LIMIT,
    `layer refused: its tar is larger than ${limit} bytes`,
  );
}

function writeLayout(fd: number, layout: ErofsLayout, stop: StopFlag): void {
  copySpill(fd, layout.spill, stop);
  writeFully(fd, layout.metadata, layout.metadataOffset);
  writeFully(fd, layout.head, 0);
}
