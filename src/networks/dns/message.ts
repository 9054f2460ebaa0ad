/** DNS messages (RFC 1035 §4, EDNS of RFC 6891), as far as a server for local names needs them: one question, a few answers. */
import { addressBytes, addressFromBytes, parseAddress } from "../ipam/address.ts";
import type { IpAddress } from "../ipam/address.ts";

export const RecordType = { A: 1, PTR: 12, MX: 15, AAAA: 28, OPT: 41 } as const;
export const ResponseCode = {
  NO_ERROR: 0,
  FORMAT_ERROR: 1,
  SERVER_FAILURE: 2,
  NAME_ERROR: 3,
  NOT_IMPLEMENTED: 4,
} as const;

const CLASS_IN = 1;
const HEADER_BYTES = 12;
/** A pointer to the question's name, which stands right behind the header. */
const QUESTION_NAME = 0xc000 | HEADER_BYTES;
/** RFC 1035: a longer UDP message needs the client's word that it can take it. */
const PLAIN_UDP_BYTES = 512;
export const MAX_MESSAGE_BYTES = 65_535;
const MAX_NAME_BYTES = 255;
const MAX_RECORDS_READ = 64;

const FLAG_RESPONSE = 0x8000;
const FLAG_TRUNCATED = 0x0200;
const FLAG_RECURSION_DESIRED = 0x0100;
const FLAG_RECURSION_AVAILABLE = 0x0080;
const OPCODE_MASK = 0x7800;

/** The one question of a query. */
export interface DnsQuery {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  /** Lower case, without the dot at its end: `web`, `4.3.2.1.in-addr.arpa`; empty for the root. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** The longest UDP answer that the asker takes. */
  readonly udpBytes: number;
  /** The question as it came: an answer repeats it, its spelling included (RFC 5452 askers compare). */
  readonly question: Uint8Array;
}

/** Where a name ends, and the name; undefined when it is malformed. Pointers must lead backwards, so that none can loop. */
function readName(bytes: Uint8Array, start: number): { readonly name: string; readonly end: number } | undefined {
  const labels: string[] = [];
  let offset = start;
  let end: number | undefined;
  let limit = start;
  let length = 1;
  for (;;) {
    const size = bytes[offset];
    if (size === undefined) return undefined;
    if (size === 0) return { name: labels.join("."), end: end ?? offset + 1 };
    if (size >= 0xc0) {
      const target = ((size & 0x3f) << 8) | (bytes[offset + 1] ?? 0);
      if (offset + 1 >= bytes.length || target < HEADER_BYTES || target >= limit) return undefined;
      end ??= offset + 2;
      limit = target;
      offset = target;
      continue;
    }
    if (size > 63 || offset + 1 + size > bytes.length) return undefined;
    length += size + 1;
    if (length > MAX_NAME_BYTES) return undefined;
    labels.push(readLabel(bytes.subarray(offset + 1, offset + 1 + size)));
    offset += 1 + size;
  }
}

/** A dot inside a label is no separator: written `\.`, so that it never equals a name of ours. */
function readLabel(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1").toLowerCase().replaceAll(".", "\\.");
}

/** The size that an OPT record allows; the records before it are stepped over. */
function udpBytesOf(bytes: Buffer, start: number, records: number): number {
  let offset = start;
  for (let left = Math.min(records, MAX_RECORDS_READ); left > 0; left -= 1) {
    const name = readName(bytes, offset);
    if (name === undefined || name.end + 10 > bytes.length) break;
    if (bytes.readUInt16BE(name.end) === RecordType.OPT)
      return Math.max(PLAIN_UDP_BYTES, bytes.readUInt16BE(name.end + 2));
    offset = name.end + 10 + bytes.readUInt16BE(name.end + 8);
  }
  return PLAIN_UDP_BYTES;
}

/** A query; undefined for what is none or has not exactly one question: such a thing gets no answer. */
export function decodeQuery(message: Uint8Array): DnsQuery | undefined {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & FLAG_RESPONSE) !== 0 || bytes.readUInt16BE(4) !== 1) return undefined;
  const name = readName(bytes, HEADER_BYTES);
  if (name === undefined || name.end + 4 > bytes.length) return undefined;
  const end = name.end + 4;
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  return {
    id: bytes.readUInt16BE(0),
    opcode: (flags & OPCODE_MASK) >> 11,
    recursionDesired: (flags & FLAG_RECURSION_DESIRED) !== 0,
    name: name.name,
    type: bytes.readUInt16BE(name.end),
    class: bytes.readUInt16BE(name.end + 2),
    udpBytes: udpBytesOf(bytes, end, records),
    question: bytes.subarray(HEADER_BYTES, end),
  };
}

/** One answer to the question's own name. */
export type DnsAnswer =
  | { readonly kind: "address"; readonly address: IpAddress }
  | { readonly kind: "name"; readonly name: string };

function encodeName(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "" && label.length <= 63);
  const parts = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")]));
  const encoded = Buffer.concat([...parts, Buffer.from([0])]);
  return encoded.length > MAX_NAME_BYTES ? Buffer.from([0]) : encoded;
}

function encodeAnswer(answer: DnsAnswer, ttlSeconds: number): Buffer {
  const data = answer.kind === "address" ? Buffer.from(addressBytes(answer.address)) : encodeName(answer.name);
  const head = Buffer.alloc(HEADER_BYTES);
  const addressType = data.length === 4 ? RecordType.A : RecordType.AAAA;
  head.writeUInt16BE(QUESTION_NAME, 0);
  head.writeUInt16BE(answer.kind === "address" ? addressType : RecordType.PTR, 2);
  head.writeUInt16BE(CLASS_IN, 4);
  head.writeUInt32BE(ttlSeconds, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** What an answer says beside the question. */
export interface ReplyParts {
  readonly code: number;
  readonly answers?: readonly DnsAnswer[];
  readonly ttlSeconds?: number;
  /** Answers that do not fit are left out, and the message says that it is cut. */
  readonly maxBytes: number;
}

/** The answer to a query. */
export function encodeReply(query: DnsQuery, parts: ReplyParts): Buffer {
  const { code, answers = [], ttlSeconds = 0, maxBytes } = parts;
  const records: Buffer[] = [];
  let size = HEADER_BYTES + query.question.length;
  let truncated = false;
  for (const answer of answers) {
    const record = encodeAnswer(answer, ttlSeconds);
    truncated = size + record.length > maxBytes;
    if (truncated) break;
    records.push(record);
    size += record.length;
  }
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(query.id, 0);
  header.writeUInt16BE(
    FLAG_RESPONSE |
      (query.opcode << 11) |
      (truncated ? FLAG_TRUNCATED : 0) |
      (query.recursionDesired ? FLAG_RECURSION_DESIRED : 0) |
      // As Docker's: who could ask nobody does not offer to.
      (code === ResponseCode.SERVER_FAILURE ? 0 : FLAG_RECURSION_AVAILABLE) |
      code,
    2,
  );
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, query.question, ...records]);
}

/** The response code of an answer, or undefined when it does not answer this question. */
export function codeOfReply(message: Uint8Array, id: number, question: Uint8Array): number | undefined {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (bytes.length < HEADER_BYTES || bytes.readUInt16BE(0) !== id) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & FLAG_RESPONSE) === 0) return undefined;
  const code = flags & 0xf;
  // A server that could not even read the query may leave the question out.
  if (bytes.readUInt16BE(4) === 0) return code === ResponseCode.NO_ERROR ? undefined : code;
  const echoed = bytes.subarray(HEADER_BYTES, HEADER_BYTES + question.length);
  return lowered(echoed) === lowered(question) ? code : undefined;
}

function lowered(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1").toLowerCase();
}

/** The same message under another id. */
export function withId(message: Uint8Array, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** `4.3.2.1.in-addr.arpa` or 32 nibbles under `ip6.arpa` → the address. */
export function reverseAddress(name: string): IpAddress | undefined {
  const v4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(name);
  if (v4 !== null) return parseAddress((v4[1] ?? "").split(".").slice(0, 4).reverse().join("."));
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (v6 === null) return undefined;
  return addressFromBytes(Buffer.from((v6[1] ?? "").split(".").reverse().join(""), "hex"));
}
