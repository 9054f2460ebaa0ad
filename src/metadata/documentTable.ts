import type { Connection } from "./connection.ts";
import type { DocumentRecord, DocumentRecords } from "./records.ts";
import { text } from "./rows.ts";
import type { Row } from "./rows.ts";

function parseDocument(row: Row): DocumentRecord {
  return { id: text(row, "id"), document: text(row, "document") };
}

/** A table of `id` and `document`; its name is ours, never a request's. */
export class DocumentTable implements DocumentRecords {
  readonly #sql: Connection;
  readonly #table: string;

  constructor(sql: Connection, table: "networks" | "sandboxes" | "volumes") {
    this.#sql = sql;
    this.#table = table;
  }

  list(): readonly DocumentRecord[] {
    return this.#sql.list(parseDocument, `SELECT * FROM ${this.#table} ORDER BY id`);
  }

  put({ id, document }: DocumentRecord): void {
    this.#sql.run(
      `INSERT INTO ${this.#table} (id, document) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
      id,
      document,
    );
  }

  remove(id: string): boolean {
    return this.#sql.run(`DELETE FROM ${this.#table} WHERE id = ?`, id) > 0;
  }
}
