import { EngineError, ErrorCode } from "#errors";
import type { Inflater } from "#host";
import type { SlotWriter } from "./slotWriter.ts";

const MAGIC = 0x1f;

/**
 * Members of a gzip file one behind the other (RFC 1952 §2.2). Zeros behind the last are padding, as gzip(1) has it;
 * anything else there is refused, as Go's reader does.
 */
export class GzipMembers {
  readonly #inflater: Inflater;
  readonly #slots: SlotWriter;
  #state: "member" | "between" | "padding" = "member";

  constructor(inflater: Inflater, slots: SlotWriter) {
    this.#inflater = inflater;
    this.#slots = slots;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0 || this.#state === "member") {
      if (this.#state !== "member") {
        rest = this.#border(rest);
        continue;
      }
      const room = this.#slots.room();
      const { consumed, produced, ended } = this.#inflater.inflate(rest, room);
      this.#slots.wrote(produced);
      rest = rest.subarray(consumed);
      if (ended) this.#state = "between";
      // Room that is left means that all that could come out of the input did.
      else if (produced < room.length && rest.length === 0) return;
    }
  }

  /** @throws {data_loss} INVALID_COMPRESSION when a member is not whole */
  finish(): void {
    if (this.#state === "member") throw invalid("unexpected end");
  }

  /** Steps over padding, or starts the next member. */
  #border(bytes: Buffer): Buffer {
    if (this.#state === "between" && bytes[0] === MAGIC) {
      this.#inflater.reset();
      this.#state = "member";
      return bytes;
    }
    if (bytes.some((byte) => byte !== 0)) throw invalid("garbage behind its end");
    this.#state = "padding";
    return bytes.subarray(bytes.length);
  }
}

function invalid(what: string): EngineError {
  return new EngineError("data_loss", ErrorCode.INVALID_COMPRESSION, `invalid gzip data: ${what}`);
}
