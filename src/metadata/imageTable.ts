import { parseChainId, parseDiffId, parseDigest } from "#oci";
import type { Digest } from "#oci";
import type { Connection } from "./connection.ts";
import type { ImageContentRecord, ImageRecord, ImageRecords } from "./records.ts";
import { descriptor, integer, list, optional, text } from "./rows.ts";
import type { Row } from "./rows.ts";

const HEX_PREFIX = /^[0-9a-f]{1,128}$/;
/** Sorts after every hex digit: the open end of a prefix range. */
const AFTER_HEX = "g";

const IMAGE = "SELECT * FROM images";
const CONTENT = "SELECT * FROM image_contents";

function parseImage(row: Row): ImageRecord {
  return {
    reference: text(row, "reference"),
    target: descriptor(row, "target"),
    imageId: parseDigest(text(row, "image_id")),
    createdAt: integer(row, "created_at"),
    updatedAt: integer(row, "updated_at"),
  };
}

function parseContent(row: Row): ImageContentRecord {
  return {
    imageId: parseDigest(text(row, "image_id")),
    manifest: descriptor(row, "manifest"),
    chainId: optional(row, "chain_id", (row, column) => parseChainId(text(row, column))),
    diffIds: list(row, "diff_ids", parseDiffId),
    lastTaggedAt: optional(row, "last_tagged_at", integer),
    createdAt: integer(row, "created_at"),
  };
}

export class ImageTable implements ImageRecords {
  readonly #sql: Connection;

  constructor(sql: Connection) {
    this.#sql = sql;
  }

  get(reference: string): ImageRecord | undefined {
    return this.#sql.find(parseImage, `${IMAGE} WHERE reference = ?`, reference);
  }

  list(): readonly ImageRecord[] {
    return this.#sql.list(parseImage, `${IMAGE} ORDER BY reference`);
  }

  listByImageId(imageId: Digest): readonly ImageRecord[] {
    return this.#sql.list(parseImage, `${IMAGE} WHERE image_id = ? ORDER BY reference`, imageId);
  }

  put(record: ImageRecord): void {
    this.#sql.run(
      `INSERT INTO images (reference, target, image_id, created_at, updated_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (reference) DO UPDATE SET target = excluded.target, image_id = excluded.image_id,
         created_at = excluded.created_at, updated_at = excluded.updated_at`,
      record.reference,
      JSON.stringify(record.target),
      record.imageId,
      record.createdAt,
      record.updatedAt,
    );
  }

  remove(reference: string): boolean {
    return this.#sql.run("DELETE FROM images WHERE reference = ?", reference) > 0;
  }

  getContent(imageId: Digest): ImageContentRecord | undefined {
    return this.#sql.find(parseContent, `${CONTENT} WHERE image_id = ?`, imageId);
  }

  listContent(): readonly ImageContentRecord[] {
    return this.#sql.list(parseContent, `${CONTENT} ORDER BY image_id`);
  }

  findByIdPrefix(hexPrefix: string): readonly Digest[] {
    if (!HEX_PREFIX.test(hexPrefix)) return [];
    const [from, to] = [`sha256:${hexPrefix}`, `sha256:${hexPrefix}${AFTER_HEX}`];
    const [from512, to512] = [`sha512:${hexPrefix}`, `sha512:${hexPrefix}${AFTER_HEX}`];
    return this.#sql.list(
      (row) => parseDigest(text(row, "image_id")),
      `SELECT image_id FROM image_contents
       WHERE image_id >= ? AND image_id < ? OR image_id >= ? AND image_id < ? ORDER BY image_id LIMIT 2`,
      from,
      to,
      from512,
      to512,
    );
  }

  putContent(record: ImageContentRecord): void {
    this.#sql.run(
      `INSERT INTO image_contents (image_id, manifest, chain_id, diff_ids, last_tagged_at, created_at)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (image_id) DO UPDATE SET manifest = excluded.manifest, chain_id = excluded.chain_id,
         diff_ids = excluded.diff_ids, last_tagged_at = excluded.last_tagged_at, created_at = excluded.created_at`,
      record.imageId,
      JSON.stringify(record.manifest),
      record.chainId ?? null,
      JSON.stringify(record.diffIds),
      record.lastTaggedAt ?? null,
      record.createdAt,
    );
  }

  removeContent(imageId: Digest): boolean {
    return this.#sql.run("DELETE FROM image_contents WHERE image_id = ?", imageId) > 0;
  }
}
