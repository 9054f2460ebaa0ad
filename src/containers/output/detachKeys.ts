import { EngineError, ErrorCode } from "#errors";

/** What ends a client's session and leaves the program running, unless a client names other keys: ctrl-p, ctrl-q. */
export const DEFAULT_DETACH_KEYS: Uint8Array = Uint8Array.of(16, 17);

const CONTROL: Readonly<Record<string, number>> = {
  "@": 0,
  "[": 27,
  "\\": 28,
  "]": 29,
  "^": 30,
  _: 31,
};

function keyCode(name: string): number | undefined {
  if (name.length === 1) return name.charCodeAt(0) < 128 ? name.charCodeAt(0) : undefined;
  const [, key] = /^ctrl-(.)$/.exec(name) ?? [];
  if (key === undefined) return undefined;
  return /^[a-z]$/.test(key) ? key.charCodeAt(0) - 96 : CONTROL[key];
}

/** `ctrl-a,x` → the bytes of the keys; the default for an empty text. @throws {internal} in Docker's words, with its status */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === "") return DEFAULT_DETACH_KEYS;
  const codes = text.split(",").map(keyCode);
  const known = codes.filter((code) => code !== undefined);
  if (known.length < codes.length) {
    throw new EngineError("internal", ErrorCode.BAD_REQUEST, `Invalid escape keys (${text}) provided`);
  }
  return Uint8Array.from(known);
}

/** Looks for the detach keys in a client's input, across its chunks. Holds back what may become the sequence. */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** What goes on to the program; `detached` when the sequence is complete: nothing behind it goes on. */
  scan(chunk: Uint8Array): { readonly pass: Uint8Array; readonly detached: boolean } {
    const passed: number[] = [];
    for (const byte of chunk) {
      if (this.#keys.length > 0 && byte === this.#keys[this.#matched]) {
        this.#matched += 1;
        if (this.#matched === this.#keys.length) return { pass: Uint8Array.from(passed), detached: true };
        continue;
      }
      passed.push(...this.#keys.subarray(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) passed.push(byte);
      else if (this.#keys.length === 1) return { pass: Uint8Array.from(passed), detached: true };
    }
    return { pass: Uint8Array.from(passed), detached: false };
  }
}
