import { parseDiffId } from "#oci";
import type { BuildStepRecord, BuildStepRecords } from "./buildStepRecord.ts";
import type { Connection } from "./connection.ts";
import { bytes, integer, list, text } from "./rows.ts";
import type { Row } from "./rows.ts";

const COLUMNS = "key, id, kind, slot, description, parents, diff_ids, bytes, created_at, used_at, uses";

function parseStep(row: Row): BuildStepRecord {
  return {
    key: text(row, "key"),
    id: text(row, "id"),
    kind: text(row, "kind"),
    slot: text(row, "slot"),
    description: text(row, "description"),
    parents: list(row, "parents", String),
    diffIds: list(row, "diff_ids", parseDiffId),
    bytes: integer(row, "bytes"),
    createdAt: integer(row, "created_at"),
    usedAt: integer(row, "used_at"),
    uses: integer(row, "uses"),
  };
}

export class BuildStepTable implements BuildStepRecords {
  readonly #sql: Connection;

  constructor(sql: Connection) {
    this.#sql = sql;
  }

  get(key: string): BuildStepRecord | undefined {
    return this.#sql.find(parseStep, `SELECT ${COLUMNS} FROM build_steps WHERE key = ?`, key);
  }

  list(): readonly BuildStepRecord[] {
    return this.#sql.list(parseStep, `SELECT ${COLUMNS} FROM build_steps ORDER BY used_at, rowid`);
  }

  inSlot(slot: string, limit: number): readonly BuildStepRecord[] {
    const query = `SELECT ${COLUMNS} FROM build_steps WHERE slot = ? ORDER BY used_at DESC, rowid DESC LIMIT ?`;
    return this.#sql.list(parseStep, query, slot, limit);
  }

  inputs(key: string): Uint8Array | undefined {
    return this.#sql.find((row) => bytes(row, "inputs"), "SELECT inputs FROM build_steps WHERE key = ?", key);
  }

  put(record: BuildStepRecord, inputs: Uint8Array): void {
    this.#sql.run(
      `INSERT OR REPLACE INTO build_steps (${COLUMNS}, inputs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      record.key,
      record.id,
      record.kind,
      record.slot,
      record.description,
      JSON.stringify(record.parents),
      JSON.stringify(record.diffIds),
      record.bytes,
      record.createdAt,
      record.usedAt,
      record.uses,
      inputs,
    );
  }

  used(key: string, usedAt: number): void {
    this.#sql.run("UPDATE build_steps SET used_at = max(used_at, ?), uses = uses + 1 WHERE key = ?", usedAt, key);
  }

  remove(key: string): boolean {
    return this.#sql.run("DELETE FROM build_steps WHERE key = ?", key) > 0;
  }
}
