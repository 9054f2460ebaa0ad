import { parseChainId, parseDiffId } from "#oci";
import type { ChainId } from "#oci";
import type { Connection } from "./connection.ts";
import type { SnapshotRecord, SnapshotRecords } from "./records.ts";
import { integer, oneOf, optional, text } from "./rows.ts";
import type { Row } from "./rows.ts";

const KINDS = ["committed", "active", "view"] as const;

function parseSnapshot(row: Row): SnapshotRecord {
  return {
    name: text(row, "name"),
    kind: oneOf(row, "kind", KINDS),
    parent: optional(row, "parent", (row, column) => parseChainId(text(row, column))),
    id: text(row, "id"),
    diffId: optional(row, "diff_id", (row, column) => parseDiffId(text(row, column))),
    createdAt: integer(row, "created_at"),
  };
}

export class SnapshotTable implements SnapshotRecords {
  readonly #sql: Connection;

  constructor(sql: Connection) {
    this.#sql = sql;
  }

  get(name: string): SnapshotRecord | undefined {
    return this.#sql.find(parseSnapshot, "SELECT * FROM snapshots WHERE name = ?", name);
  }

  list(): readonly SnapshotRecord[] {
    return this.#sql.list(parseSnapshot, "SELECT * FROM snapshots ORDER BY name");
  }

  children(name: ChainId): readonly SnapshotRecord[] {
    return this.#sql.list(parseSnapshot, "SELECT * FROM snapshots WHERE parent = ? ORDER BY name", name);
  }

  put(record: SnapshotRecord): void {
    this.#sql.run(
      `INSERT INTO snapshots (name, kind, parent, id, diff_id, created_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, parent = excluded.parent, id = excluded.id,
         diff_id = excluded.diff_id, created_at = excluded.created_at`,
      record.name,
      record.kind,
      record.parent ?? null,
      record.id,
      record.diffId ?? null,
      record.createdAt,
    );
  }

  remove(name: string): boolean {
    return this.#sql.run("DELETE FROM snapshots WHERE name = ?", name) > 0;
  }
}
