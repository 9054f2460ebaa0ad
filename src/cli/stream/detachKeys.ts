import { CommandError } from "../core/commandError.ts";

/** What detaches a terminal when nobody said otherwise. */
export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";

const CONTROL: Readonly<Record<string, number>> = { "@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, _: 31 };

function keyByte(key: string): number | undefined {
  if (key.length === 1) return key.charCodeAt(0);
  const letter = /^ctrl-(.)$/.exec(key)?.[1];
  if (letter === undefined) return undefined;
  return /[a-z]/.test(letter) ? letter.charCodeAt(0) - 96 : CONTROL[letter];
}

/** `ctrl-p,ctrl-q` → bytes. @throws {CommandError} in Docker's words when a key is unknown. */
export function parseDetachKeys(text: string): Uint8Array {
  return Uint8Array.from(
    text.split(",").map((key) => {
      const byte = keyByte(key);
      if (byte === undefined) throw new CommandError(`invalid detach keys (${text}): Unknown character: '${key}'`);
      return byte;
    }),
  );
}

/** Passes typed bytes through and holds back what may be the start of the detach sequence. */
export class DetachFilter {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** What to send on; `detached` once the whole sequence was typed, and nothing counts after it. */
  push(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly detached: boolean } {
    const out: number[] = [];
    for (const byte of bytes) {
      if (byte !== this.#keys[this.#matched]) {
        out.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== this.#keys[this.#matched]) {
        out.push(byte);
        continue;
      }
      this.#matched += 1;
      if (this.#matched === this.#keys.byteLength) return { bytes: Uint8Array.from(out), detached: true };
    }
    return { bytes: Uint8Array.from(out), detached: false };
  }
}
