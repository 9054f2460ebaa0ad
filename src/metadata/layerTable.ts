import { parseDiffId, parseDigest } from "#oci";
import type { DiffId, Digest } from "#oci";
import type { Connection } from "./connection.ts";
import type { LayerRecord } from "./layerRecord.ts";
import type { BlobSourceRecord, CompressedLayerRecord, LayerRecords } from "./records.ts";
import { bytes, flag, integer, oneOf, text } from "./rows.ts";
import type { Row } from "./rows.ts";

const COMPRESSIONS = ["none", "gzip", "zstd"] as const;

function parseLayer(row: Row): LayerRecord {
  return {
    diffId: parseDiffId(text(row, "diff_id")),
    tarBytes: integer(row, "tar_bytes"),
    contentBytes: integer(row, "content_bytes"),
    fileBytes: integer(row, "file_bytes"),
    inodes: integer(row, "inodes"),
    indexDigest: text(row, "index_digest"),
    fixups: text(row, "fixups"),
    synced: flag(row, "synced"),
    createdAt: integer(row, "created_at"),
  };
}

function parseCompressed(row: Row): CompressedLayerRecord {
  return {
    diffId: parseDiffId(text(row, "diff_id")),
    compression: oneOf(row, "compression", COMPRESSIONS),
    blob: { digest: parseDigest(text(row, "blob_digest")), size: integer(row, "blob_size") },
  };
}

function parseSource(row: Row): BlobSourceRecord {
  return { digest: parseDigest(text(row, "digest")), domain: text(row, "domain"), path: text(row, "path") };
}

export class LayerTable implements LayerRecords {
  readonly #sql: Connection;

  constructor(sql: Connection) {
    this.#sql = sql;
  }

  get(diffId: DiffId): LayerRecord | undefined {
    return this.#sql.find(parseLayer, "SELECT * FROM layers WHERE diff_id = ?", diffId);
  }

  list(): readonly LayerRecord[] {
    return this.#sql.list(parseLayer, "SELECT * FROM layers ORDER BY diff_id");
  }

  put(record: LayerRecord): void {
    this.#sql.run(
      `INSERT INTO layers (diff_id, tar_bytes, content_bytes, file_bytes, inodes, index_digest, fixups, synced, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (diff_id) DO UPDATE SET tar_bytes = excluded.tar_bytes, content_bytes = excluded.content_bytes,
         file_bytes = excluded.file_bytes, inodes = excluded.inodes, index_digest = excluded.index_digest,
         fixups = excluded.fixups, synced = excluded.synced, created_at = excluded.created_at`,
      record.diffId,
      record.tarBytes,
      record.contentBytes,
      record.fileBytes,
      record.inodes,
      record.indexDigest,
      record.fixups,
      record.synced ? 1 : 0,
      record.createdAt,
    );
  }

  remove(diffId: DiffId): boolean {
    return this.#sql.run("DELETE FROM layers WHERE diff_id = ?", diffId) > 0;
  }

  getCompressed(diffId: DiffId): readonly CompressedLayerRecord[] {
    return this.#sql.list(parseCompressed, "SELECT * FROM compressed_layers WHERE diff_id = ? ORDER BY rowid", diffId);
  }

  findByBlob(digest: Digest): CompressedLayerRecord | undefined {
    return this.#sql.find(parseCompressed, "SELECT * FROM compressed_layers WHERE blob_digest = ?", digest);
  }

  putCompressed(record: CompressedLayerRecord): void {
    this.#sql.run(
      `INSERT INTO compressed_layers (blob_digest, blob_size, diff_id, compression) VALUES (?, ?, ?, ?)
       ON CONFLICT (blob_digest) DO UPDATE SET blob_size = excluded.blob_size, diff_id = excluded.diff_id,
         compression = excluded.compression`,
      record.blob.digest,
      record.blob.size,
      record.diffId,
      record.compression,
    );
  }

  removeCompressed(digest: Digest): void {
    this.#sql.run("DELETE FROM compressed_layers WHERE blob_digest = ?", digest);
  }

  getContents(diffId: DiffId): Uint8Array | undefined {
    return this.#sql.find(
      (row) => bytes(row, "digests"),
      "SELECT digests FROM layer_contents WHERE diff_id = ?",
      diffId,
    );
  }

  putContents(diffId: DiffId, digests: Uint8Array): void {
    this.#sql.run(
      "INSERT OR REPLACE INTO layer_contents (diff_id, digests) SELECT diff_id, ? FROM layers WHERE diff_id = ?",
      digests,
      diffId,
    );
  }

  sources(digest: Digest): readonly BlobSourceRecord[] {
    return this.#sql.list(parseSource, "SELECT * FROM blob_sources WHERE digest = ? ORDER BY domain, path", digest);
  }

  putSource(record: BlobSourceRecord): void {
    this.#sql.run(
      "INSERT OR IGNORE INTO blob_sources (digest, domain, path) VALUES (?, ?, ?)",
      record.digest,
      record.domain,
      record.path,
    );
  }

  removeSources(digest: Digest): void {
    this.#sql.run("DELETE FROM blob_sources WHERE digest = ?", digest);
  }
}
