import type { LayerRecord } from "#metadata";
import type { DiffId } from "#oci";
import { parseDiffId } from "#oci";
import type { HashAlgorithm, IndexedTar } from "./jobs.ts";
import type { LayerInfo } from "./layer.ts";

type Fixups = Pick<LayerInfo, "impliedDirectories" | "lowerHardlinks" | "whiteoutDirectories">;

/** A row as the store shows it. */
export function toLayerInfo(record: LayerRecord): LayerInfo {
  const { diffId, tarBytes, contentBytes, fileBytes, inodes } = record;
  return { diffId, tarBytes, contentBytes, fileBytes, inodes, ...parseFixups(record.fixups) };
}

/** A fresh ingest as a row, not synced yet. */
export function toLayerRecord(indexed: IndexedTar, algorithm: HashAlgorithm): LayerRecord {
  const { impliedDirectories, lowerHardlinks, whiteoutDirectories } = indexed;
  const fixups: Fixups = { impliedDirectories, lowerHardlinks, whiteoutDirectories };
  return {
    diffId: diffIdOf(indexed.tarHex, algorithm),
    tarBytes: indexed.tarBytes,
    contentBytes: indexed.contentBytes,
    fileBytes: indexed.fileBytes,
    inodes: indexed.inodes,
    indexDigest: indexed.indexDigest,
    fixups: JSON.stringify(fixups),
    synced: false,
    createdAt: Date.now(),
  };
}

export function diffIdOf(hex: string, algorithm: HashAlgorithm): DiffId {
  return parseDiffId(`${algorithm}:${hex}`);
}

/** Written by {@link toLayerRecord} only, hence the cast. */
function parseFixups(json: string): Fixups {
  return JSON.parse(json) as Fixups;
}
