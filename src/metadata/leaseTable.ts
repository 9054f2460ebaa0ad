import { randomUUID } from "node:crypto";
import { EngineError, ErrorCode } from "#errors";
import { parseDiffId, parseDigest } from "#oci";
import type { Connection } from "./connection.ts";
import type { LeaseRecord, LeaseRecords, LeaseResource } from "./records.ts";
import { integer, oneOf, optional, text } from "./rows.ts";
import type { Row } from "./rows.ts";

const KINDS = ["blob", "layer", "snapshot", "ingest"] as const;

function parseLease(row: Row): LeaseRecord {
  return {
    id: text(row, "id"),
    purpose: text(row, "purpose"),
    createdAt: integer(row, "created_at"),
    expiresAt: optional(row, "expires_at", integer),
  };
}

function parseResource(row: Row): LeaseResource {
  const name = text(row, "name");
  const kind = oneOf(row, "kind", KINDS);
  switch (kind) {
    case "blob":
      return { kind, name: parseDigest(name) };
    case "layer":
      return { kind, name: parseDiffId(name) };
    case "snapshot":
    case "ingest":
      return { kind, name };
  }
}

export class LeaseTable implements LeaseRecords {
  readonly #sql: Connection;
  readonly #watchers = new Set<(resource: LeaseResource) => void>();

  constructor(sql: Connection) {
    this.#sql = sql;
  }

  create(options: {
    readonly purpose: string;
    readonly expiresAt?: number;
    readonly ephemeral?: boolean;
  }): LeaseRecord {
    const { purpose, expiresAt, ephemeral = false } = options;
    const lease: LeaseRecord = { id: randomUUID(), purpose, createdAt: Date.now(), expiresAt };
    this.#sql.run(
      "INSERT INTO leases (id, purpose, created_at, expires_at, ephemeral) VALUES (?, ?, ?, ?, ?)",
      lease.id,
      purpose,
      lease.createdAt,
      expiresAt ?? null,
      ephemeral ? 1 : 0,
    );
    return lease;
  }

  add(leaseId: string, resource: LeaseResource): void {
    const found = this.#sql.find(
      parseLease,
      "SELECT * FROM leases WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)",
      leaseId,
      Date.now(),
    );
    if (found === undefined) throw new EngineError("not_found", ErrorCode.LEASE_NOT_FOUND, `no such lease: ${leaseId}`);
    this.#sql.run(
      "INSERT OR IGNORE INTO lease_resources (lease_id, kind, name) VALUES (?, ?, ?)",
      leaseId,
      resource.kind,
      resource.name,
    );
    for (const watcher of this.#watchers) watcher(resource);
  }

  resources(): readonly LeaseResource[] {
    return this.#sql.list(
      parseResource,
      `SELECT DISTINCT kind, name FROM lease_resources JOIN leases ON leases.id = lease_id
       WHERE expires_at IS NULL OR expires_at > ? ORDER BY kind, name`,
      Date.now(),
    );
  }

  list(): readonly LeaseRecord[] {
    return this.#sql.list(
      parseLease,
      "SELECT * FROM leases WHERE expires_at IS NULL OR expires_at > ? ORDER BY created_at, id",
      Date.now(),
    );
  }

  delete(leaseId: string): void {
    this.#sql.run("DELETE FROM leases WHERE id = ?", leaseId);
  }

  watch(watcher: (resource: LeaseResource) => void): Disposable {
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  /** At open: what no process can still hold, and what has expired. */
  deleteEnded(): void {
    this.#sql.run("DELETE FROM leases WHERE ephemeral = 1 OR expires_at <= ?", Date.now());
  }
}
