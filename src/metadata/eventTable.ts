import type { Connection } from "./connection.ts";
import type { EventRecord, EventRecords } from "./records.ts";
import { text } from "./rows.ts";
import type { Row } from "./rows.ts";

const KEPT_EVENTS = 10_000;
/** What a client waits for is over by then: each write takes 0.1 to 0.3 ms of the event loop. */
const WRITE_AFTER_MS = 25;

function parseEvent(row: Row): EventRecord {
  return { timeNanoseconds: BigInt(text(row, "time")), document: text(row, "document") };
}

export class EventTable implements EventRecords {
  readonly #sql: Connection;
  readonly #waiting: EventRecord[] = [];
  #isDue = false;

  constructor(sql: Connection) {
    this.#sql = sql;
  }

  append(event: EventRecord): void {
    this.#waiting.push(event);
    if (this.#waiting.length > KEPT_EVENTS) this.#waiting.shift();
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => {
      this.#isDue = false;
      this.#tryFlush();
    }, WRITE_AFTER_MS).unref();
  }

  /** A full disk: they wait for the next event, and can be read meanwhile by who listens. */
  #tryFlush(): void {
    try {
      this.flush();
    } catch {
      // told by whatever else is to be written
    }
  }

  /** Writes what waits. */
  flush(): void {
    const events = [...this.#waiting];
    if (events.length === 0) return;
    this.#sql.transaction(() => {
      for (const { timeNanoseconds, document } of events)
        this.#sql.run("INSERT INTO events (time_nanoseconds, document) VALUES (?, ?)", timeNanoseconds, document);
      this.#sql.run("DELETE FROM events WHERE id <= last_insert_rowid() - ?", KEPT_EVENTS);
    });
    this.#waiting.length = 0;
  }

  since(timeNanoseconds: bigint): readonly EventRecord[] {
    this.#tryFlush();
    // Cast: nanoseconds since 1970 do not fit a JavaScript number.
    return this.#sql.list(
      parseEvent,
      `SELECT CAST(time_nanoseconds AS TEXT) AS time, document FROM events
       WHERE time_nanoseconds >= ? ORDER BY time_nanoseconds, id`,
      timeNanoseconds,
    );
  }
}
