/** Messages for the tests of this folder, made by other code than the one that is tested. */
export function queryMessage(
  name: string,
  type: number,
  { id = 7, udpBytes = 0 }: { readonly id?: number; readonly udpBytes?: number } = {},
): Buffer {
  const labels = name === "" ? [] : name.split(".");
  const encoded = labels.map((label) => String.fromCharCode(label.length) + label).join("");
  const head = [id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, udpBytes === 0 ? 0 : 1];
  const opt = udpBytes === 0 ? [] : [0, 0, 41, udpBytes >> 8, udpBytes & 0xff, 0, 0, 0, 0, 0, 0];
  return Buffer.concat([
    Buffer.from(head),
    Buffer.from(`${encoded}\0`, "latin1"),
    Buffer.from([0, type, 0, 1]),
    Buffer.from(opt),
  ]);
}

export interface ReadReply {
  readonly id: number;
  readonly code: number;
  readonly truncated: boolean;
  readonly recursionAvailable: boolean;
  /** Data of each answer: an address, or a name. */
  readonly answers: readonly string[];
  readonly ttls: readonly number[];
  readonly question: string;
}

function nameAt(bytes: Buffer, start: number): { readonly text: string; readonly end: number } {
  let text = "";
  let offset = start;
  for (;;) {
    const size = bytes[offset] ?? 0;
    if (size >= 0xc0) return { text: text + nameAt(bytes, bytes.readUInt16BE(offset) & 0x3fff).text, end: offset + 2 };
    if (size === 0) return { text, end: offset + 1 };
    text += `${bytes.toString("latin1", offset + 1, offset + 1 + size)}.`;
    offset += size + 1;
  }
}

export function readReply(bytes: Buffer): ReadReply {
  const flags = bytes.readUInt16BE(2);
  const question = nameAt(bytes, 12);
  const answers: string[] = [];
  const ttls: number[] = [];
  let offset = question.end + 4;
  for (let left = bytes.readUInt16BE(6); left > 0; left -= 1) {
    const { end } = nameAt(bytes, offset);
    const type = bytes.readUInt16BE(end);
    ttls.push(bytes.readUInt32BE(end + 4));
    const size = bytes.readUInt16BE(end + 8);
    const data = bytes.subarray(end + 10, end + 10 + size);
    if (type === 1) answers.push([...data].join("."));
    else if (type === 28) answers.push(data.toString("hex"));
    else answers.push(nameAt(bytes, end + 10).text);
    offset = end + 10 + size;
  }
  return {
    id: bytes.readUInt16BE(0),
    code: flags & 15,
    truncated: (flags & 0x200) !== 0,
    recursionAvailable: (flags & 0x80) !== 0,
    answers,
    ttls,
    question: question.text,
  };
}
