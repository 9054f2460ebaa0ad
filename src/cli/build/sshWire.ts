/** Values as ssh writes them. @see RFC 4251 section 5 */

const LENGTH_BYTES = 4;
const SIGN_BIT = 0x80;

export function unsigned(value: number): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function string(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([unsigned(bytes.length), bytes]);
}

/** A positive number: no zeros in front but the one that keeps it positive. */
export function mpint(value: Uint8Array): Buffer {
  const first = value.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Buffer.alloc(0) : Buffer.from(value.subarray(first));
  return string((digits[0] ?? 0) >= SIGN_BIT ? Buffer.concat([Buffer.of(0), digits]) : digits);
}

export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @throws {Error} when there is less than that */
  unsigned(): number {
    return this.#take(LENGTH_BYTES).readUInt32BE();
  }

  string(): Buffer {
    return this.#take(this.unsigned());
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new Error("ssh: a value is cut short");
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }
}
