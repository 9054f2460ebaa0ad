const NEWLINE = 0x0a;
const LENGTH_BYTES = 8;

/** What journald takes as a field's name: capitals, digits and underscores, none in front. */
export function journalFieldName(name: string): string {
  return name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, "_")
    .replace(/^_+/, "");
}

function encodeField(name: string, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value);
  if (!bytes.includes(NEWLINE)) return Buffer.concat([Buffer.from(`${name}=`), bytes, Buffer.from("\n")]);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from("\n")]);
}

/** Fields as one datagram: `NAME=value`, or a length and bytes where a value has newlines. @see systemd JOURNAL_NATIVE_PROTOCOL */
export function encodeJournalEntry(fields: Iterable<readonly [string, Uint8Array | string]>): Buffer {
  return Buffer.concat([...fields].filter(([name]) => name !== "").map(([name, value]) => encodeField(name, value)));
}
