import type { Connection } from "./connection.ts";
import type { SettingRecords } from "./records.ts";
import { text } from "./rows.ts";

export class SettingTable implements SettingRecords {
  readonly #sql: Connection;

  constructor(sql: Connection) {
    this.#sql = sql;
  }

  get(key: string): string | undefined {
    return this.#sql.find((row) => text(row, "value"), "SELECT value FROM settings WHERE key = ?", key);
  }

  put(key: string, value: string): void {
    this.#sql.run(
      "INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      key,
      value,
    );
  }
}
