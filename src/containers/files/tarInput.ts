import { TarScanner } from "#tar";
import type { TarEntry } from "#tar";
import { ErrorCode, hasCode } from "#errors";
import { goError } from "./goError.ts";

/** Reads a tar that comes in chunks, and waits for them on this thread. */
export class TarInput {
  readonly #next: () => Uint8Array | undefined;
  readonly #scanner: TarScanner;
  #entries: TarEntry[] = [];
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(next: () => Uint8Array | undefined) {
    this.#next = next;
    this.#scanner = new TarScanner({ onEntry: (entry) => this.#entries.push(entry) });
  }

  /** The next entry; undefined at the end, when all input was taken. A body that was not read is stepped over. */
  entry(): TarEntry | undefined {
    while (this.#entries.length === 0) if (!this.#pull()) return undefined;
    return this.#entries.shift();
  }

  /** The stored bytes of an entry, with their place in the file. */
  body(entry: TarEntry, take: (bytes: Uint8Array, position: number) => void): void {
    const extents = entry.sparse ?? [{ offset: 0, length: entry.storedSize }];
    let at = entry.dataOffset;
    for (const { offset, length } of extents) {
      const start = at;
      while (at < start + length) {
        const part = this.#at(at, start + length);
        take(part, offset + at - start);
        at += part.length;
      }
    }
  }

  #at(position: number, end: number): Uint8Array {
    for (;;) {
      const chunkStart = this.#scanner.position - this.#chunk.length;
      const part = this.#chunk.subarray(position - chunkStart, end - chunkStart);
      if (part.length > 0) return part;
      if (!this.#pull()) throw goError("internal", "unexpected EOF");
    }
  }

  #pull(): boolean {
    const chunk = this.#next();
    try {
      if (chunk === undefined) {
        this.#scanner.finish();
        return false;
      }
      this.#chunk = chunk;
      this.#scanner.push(chunk);
      return true;
    } catch (error) {
      if (hasCode(error, ErrorCode.TAR_TRUNCATED)) throw goError("internal", "unexpected EOF", error);
      if (hasCode(error, ErrorCode.INVALID_TAR)) throw goError("internal", "archive/tar: invalid tar header", error);
      throw error;
    }
  }
}
