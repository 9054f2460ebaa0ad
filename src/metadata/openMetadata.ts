import { DatabaseSync } from "node:sqlite";
import { EngineError, ErrorCode } from "#errors";
import { BuildStepTable } from "./buildStepTable.ts";
import { Connection } from "./connection.ts";
import { ContainerTable } from "./containerTable.ts";
import { DocumentTable } from "./documentTable.ts";
import { EventTable } from "./eventTable.ts";
import { ImageTable } from "./imageTable.ts";
import { LayerTable } from "./layerTable.ts";
import { LeaseTable } from "./leaseTable.ts";
import type { Metadata } from "./records.ts";
import { integer, text } from "./rows.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { SettingTable } from "./settingTable.ts";
import { SnapshotTable } from "./snapshotTable.ts";
import { foreignFile, toMetadataError } from "./sqliteError.ts";

/** How long an open waits for a predecessor that is just going away. */
const BUSY_TIMEOUT_MS = 500;
/** 16 MiB of WAL: a checkpoint fsyncs on the calling thread, so it is left to `checkpoint()` at a quiet moment if it can. */
const AUTOCHECKPOINT_PAGES = 4096;
const QUICK_CHECK_OK = "ok";

/**
 * Opens (or makes) `varve.db` and brings its schema up to date; the directory must exist. Ephemeral leases of the last
 * daemon are gone when this returns. The file is held under an exclusive lock until the result is disposed.
 * @throws {unavailable} LOCKED when another process has it open; {failed_precondition} METADATA_FOREIGN when the file is
 * not ours, METADATA_NEWER when a newer varve wrote it; {data_loss} METADATA_CORRUPT when it is damaged.
 */
export function openMetadata(path: string): Metadata {
  const sql = new Connection(openDatabase(path));
  try {
    // Exclusive before the first read: the WAL's index then lives in our memory, and a second process is refused at once.
    sql.execute("PRAGMA locking_mode = EXCLUSIVE");
    check(sql);
    configure(sql);
    migrate(sql);
    const leases = new LeaseTable(sql);
    leases.deleteEnded();
    const events = new EventTable(sql);
    return {
      images: new ImageTable(sql),
      layers: new LayerTable(sql),
      snapshots: new SnapshotTable(sql),
      leases,
      containers: new ContainerTable(sql),
      buildSteps: new BuildStepTable(sql),
      networks: new DocumentTable(sql, "networks"),
      sandboxes: new DocumentTable(sql, "sandboxes"),
      volumes: new DocumentTable(sql, "volumes"),
      events,
      settings: new SettingTable(sql),
      transaction: (work) => sql.transaction(work),
      checkpoint: () => sql.execute("PRAGMA wal_checkpoint(TRUNCATE)"),
      [Symbol.dispose]: () => {
        events.flush();
        sql[Symbol.dispose]();
      },
    };
  } catch (error) {
    sql[Symbol.dispose]();
    throw error;
  }
}

function openDatabase(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  } catch (error) {
    throw toMetadataError(error);
  }
}

function configure(sql: Connection): void {
  sql.execute("PRAGMA journal_mode = WAL");
  sql.execute("PRAGMA synchronous = NORMAL");
  sql.execute(`PRAGMA wal_autocheckpoint = ${AUTOCHECKPOINT_PAGES}`);
}

function pragma(sql: Connection, name: string): number {
  return sql.find((row) => integer(row, name), `PRAGMA ${name}`) ?? 0;
}

function check(sql: Connection): void {
  const tables = sql.find((row) => integer(row, "count"), "SELECT count(*) AS count FROM sqlite_schema") ?? 0;
  const version = pragma(sql, "user_version");
  if (tables === 0 && version === 0) return;
  if (pragma(sql, "application_id") !== APPLICATION_ID) throw foreignFile("another program made it");
  if (version > MIGRATIONS.length) {
    throw new EngineError(
      "failed_precondition",
      ErrorCode.METADATA_NEWER,
      `the metadata database has schema ${version}; this varve knows ${MIGRATIONS.length}`,
      { hint: "Run the varve that wrote it, or a newer one." },
    );
  }
  const verdict = sql.find((row) => text(row, "quick_check"), "PRAGMA quick_check(1)") ?? QUICK_CHECK_OK;
  if (verdict !== QUICK_CHECK_OK) {
    const why = verdict.split("\n", 1).join("");
    throw new EngineError("data_loss", ErrorCode.METADATA_CORRUPT, `the metadata database is damaged: ${why}`);
  }
}

function migrate(sql: Connection): void {
  const from = pragma(sql, "user_version");
  if (from === MIGRATIONS.length) return;
  sql.transaction(() => {
    for (const migration of MIGRATIONS.slice(from)) sql.execute(migration);
    sql.execute(`PRAGMA application_id = ${APPLICATION_ID}`);
    sql.execute(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}
