import type { Connection } from "./connection.ts";
import type { EventRecord, EventRecords } from "./records.ts";
import { text } from "./rows.ts";
import type { Row } from "./rows.ts";

const KEPT_EVENTS = 10_000;

function parseEvent(row: Row): EventRecord {
  return { timeNanoseconds: BigInt(text(row, "time")), document: text(row, "document") };
}

export class EventTable implements EventRecords {
  readonly #sql: Connection;

  constructor(sql: Connection) {
    this.#sql = sql;
  }

  append(event: EventRecord): void {
    this.#sql.transaction(() => {
      this.#sql.run(
        "INSERT INTO events (time_nanoseconds, document) VALUES (?, ?)",
        event.timeNanoseconds,
        event.document,
      );
      this.#sql.run("DELETE FROM events WHERE id <= last_insert_rowid() - ?", KEPT_EVENTS);
    });
  }

  since(timeNanoseconds: bigint): readonly EventRecord[] {
    // Cast: nanoseconds since 1970 do not fit a JavaScript number.
    return this.#sql.list(
      parseEvent,
      `SELECT CAST(time_nanoseconds AS TEXT) AS time, document FROM events
       WHERE time_nanoseconds >= ? ORDER BY time_nanoseconds, id`,
      timeNanoseconds,
    );
  }
}
