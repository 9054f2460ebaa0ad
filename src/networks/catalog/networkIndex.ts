import type { DocumentRecords } from "#metadata";
import { networkAmbiguous, networkNotFound } from "../networkError.ts";
import { parseNetworkRecord } from "../networkRecord.ts";
import type { NetworkRecord } from "../networkRecord.ts";

/** All networks, by id, name and id prefix. */
export class NetworkIndex implements Iterable<NetworkRecord> {
  readonly #records: DocumentRecords;
  readonly #byId = new Map<string, NetworkRecord>();

  constructor(records: DocumentRecords) {
    this.#records = records;
    for (const { document } of records.list()) {
      const record = parseNetworkRecord(document);
      this.#byId.set(record.id, record);
    }
  }

  put(record: NetworkRecord): void {
    this.#records.put({ id: record.id, document: JSON.stringify(record) });
    this.#byId.set(record.id, record);
  }

  remove(id: string): void {
    this.#records.remove(id);
    this.#byId.delete(id);
  }

  byId(id: string): NetworkRecord | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): NetworkRecord | undefined {
    return this.#byId.values().find((record) => record.name === name);
  }

  /** By whole id, then name, then a prefix of the id that only one has. */
  find(reference: string): NetworkRecord | undefined {
    const whole = this.#byId.get(reference) ?? this.byName(reference);
    if (whole !== undefined || reference === "") return whole;
    const found = [...this].filter(({ id }) => id.startsWith(reference));
    if (found.length > 1) throw networkAmbiguous(reference, found.length);
    return found[0];
  }

  /** @throws {not_found} NETWORK_NOT_FOUND */
  get(reference: string): NetworkRecord {
    const found = this.find(reference);
    if (found === undefined) throw networkNotFound(reference);
    return found;
  }

  [Symbol.iterator](): Iterator<NetworkRecord> {
    return this.#byId.values();
  }
}
