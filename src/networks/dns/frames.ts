import type { Socket } from "node:net";

/** Messages of a DNS connection over TCP: each behind its length in two bytes (RFC 1035 §4.2.2). Ends when the peer does. */
export async function* readFrames(socket: Socket, maxBytes: number): AsyncGenerator<Buffer, void, undefined> {
  let held: Buffer = Buffer.alloc(0);
  // Kept open behind the peer's end: what it asked before still wants its answers.
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= 2) {
      const size = held.readUInt16BE(0);
      if (size > maxBytes) return;
      if (held.length < 2 + size) break;
      yield held.subarray(2, 2 + size);
      held = held.subarray(2 + size);
    }
  }
}

/** Sends one message; false when the peer does not read as fast as we write. */
export function writeFrame(socket: Socket, message: Uint8Array): boolean {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(message.length, 0);
  return socket.write(Buffer.concat([head, message]));
}
