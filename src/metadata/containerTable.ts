import { EngineError, ErrorCode, hasCode } from "#errors";
import { parseDigest } from "#oci";
import type { Connection } from "./connection.ts";
import type { ContainerRecord, ContainerRecords } from "./records.ts";
import { text } from "./rows.ts";
import type { Row } from "./rows.ts";

const parseImageId = (id: string): ContainerRecord["imageId"] => (id === "" ? id : parseDigest(id));

function parseContainer(row: Row): ContainerRecord {
  return {
    id: text(row, "id"),
    name: text(row, "name"),
    imageId: parseImageId(text(row, "image_id")),
    document: text(row, "document"),
  };
}

export class ContainerTable implements ContainerRecords {
  readonly #sql: Connection;

  constructor(sql: Connection) {
    this.#sql = sql;
  }

  get(id: string): ContainerRecord | undefined {
    return this.#sql.find(parseContainer, "SELECT * FROM containers WHERE id = ?", id);
  }

  list(): readonly ContainerRecord[] {
    return this.#sql.list(parseContainer, "SELECT * FROM containers ORDER BY id");
  }

  put(record: ContainerRecord): void {
    try {
      this.#sql.run(
        `INSERT INTO containers (id, name, image_id, document) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, image_id = excluded.image_id, document = excluded.document`,
        record.id,
        record.name,
        record.imageId,
        record.document,
      );
    } catch (cause) {
      if (!hasCode(cause, ErrorCode.METADATA_CONFLICT)) throw cause;
      const message = `the container name ${JSON.stringify(record.name)} is already in use`;
      throw new EngineError("conflict", ErrorCode.CONTAINER_NAME_IN_USE, message, { cause });
    }
  }

  remove(id: string): boolean {
    return this.#sql.run("DELETE FROM containers WHERE id = ?", id) > 0;
  }
}
