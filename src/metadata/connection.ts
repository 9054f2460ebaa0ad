import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { EngineError, ErrorCode } from "#errors";
import type { Row } from "./rows.ts";
import { toMetadataError } from "./sqliteError.ts";

/** The open file with its prepared statements: every SQL text is compiled once. Knows no table. */
export class Connection implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Every row, parsed. @throws {data_loss} METADATA_CORRUPT when a row does not parse. */
  list<T>(parse: (row: Row) => T, sql: string, ...values: readonly SQLInputValue[]): readonly T[] {
    const rows = this.#do(sql, (statement) => statement.all(...values));
    return rows.map((row) => parseRow(parse, row));
  }

  /** The first row, parsed; undefined when there is none. */
  find<T>(parse: (row: Row) => T, sql: string, ...values: readonly SQLInputValue[]): T | undefined {
    const row = this.#do(sql, (statement) => statement.get(...values));
    return row === undefined ? undefined : parseRow(parse, row);
  }

  /** How many rows changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#do(sql, (statement) => statement.run(...values)).changes);
  }

  /** Several statements of a fixed text, not cached. */
  execute(sql: string): void {
    try {
      this.#database.exec(sql);
    } catch (error) {
      throw toMetadataError(error);
    }
  }

  /** A nested call is a savepoint of the outer one: its throw undoes only its own work, if the outer call catches it. */
  transaction<T>(work: () => T): T {
    const name = `level${this.#depth}`;
    this.execute(this.#depth === 0 ? "BEGIN IMMEDIATE" : `SAVEPOINT ${name}`);
    const outermost = this.#depth === 0;
    this.#depth += 1;
    try {
      const result = work();
      if (result instanceof Promise) throw new Error("a metadata transaction must be synchronous");
      this.execute(outermost ? "COMMIT" : `RELEASE ${name}`);
      return result;
    } catch (error) {
      this.#undo(outermost ? "ROLLBACK" : `ROLLBACK TO ${name}; RELEASE ${name}`);
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #undo(sql: string): void {
    // SQLite has already rolled back by itself after a full disk or an I/O error.
    if (this.#database.isOpen && this.#database.isTransaction) this.execute(sql);
  }

  #do<T>(sql: string, use: (statement: StatementSync) => T): T {
    try {
      let statement = this.#statements.get(sql);
      if (statement === undefined) {
        statement = this.#database.prepare(sql);
        this.#statements.set(sql, statement);
      }
      return use(statement);
    } catch (error) {
      throw toMetadataError(error);
    }
  }
}

function parseRow<T>(parse: (row: Row) => T, row: Row): T {
  try {
    return parse(row);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError("data_loss", ErrorCode.METADATA_CORRUPT, `metadata: a row is damaged: ${why}`, { cause });
  }
}
