import type { Socket } from "node:net";
import { MMSG, MSG } from "./constants.ts";
import { addressOf, nativeFunction } from "./libc.ts";

const recvmmsg = nativeFunction<[number, Buffer, number, number, null]>(
  "int recvmmsg(int, void*, uint32_t, int, void*)",
);

const PACKETS = 32;
/** Twice what conmon sends at once. */
const PACKET_BYTES = 16 << 10;

/** One area for all: what is received is looked at before anything else runs. */
interface Area {
  readonly bytes: Buffer;
  readonly headers: Buffer;
  /** The kernel's view of `bytes`: kept, for `headers` points into it. */
  readonly vectors: Buffer;
}

let shared: Area | undefined;

function makeArea(): Area {
  const bytes = Buffer.alloc(PACKETS * PACKET_BYTES);
  const vectors = Buffer.alloc(PACKETS * MMSG.VECTOR_BYTES);
  const headers = Buffer.alloc(PACKETS * MMSG.BYTES);
  const [first, firstVector] = [addressOf(bytes), addressOf(vectors)];
  for (let index = 0; index < PACKETS; index += 1) {
    vectors.writeBigUInt64LE(BigInt(first + index * PACKET_BYTES), index * MMSG.VECTOR_BYTES);
    vectors.writeBigUInt64LE(BigInt(PACKET_BYTES), index * MMSG.VECTOR_BYTES + 8);
    headers.writeBigUInt64LE(BigInt(firstVector + index * MMSG.VECTOR_BYTES), index * MMSG.BYTES + MMSG.VECTORS);
    headers.writeBigUInt64LE(1n, index * MMSG.BYTES + MMSG.VECTORS + 8);
  }
  return { bytes, headers, vectors };
}

const descriptors = new WeakMap<Socket, number>();

/** Says which fd a packet socket reads from; it is the socket's as long as that is not destroyed. */
export function keepDescriptor(socket: Socket, fd: number): void {
  descriptors.set(socket, fd);
}

/**
 * The packets that have arrived behind the one of a `data` event, at most 32, without waiting: one system call where the
 * event loop needs a wake-up, a read and an event for each. They lie in memory that the next call uses again.
 */
export function packetsBehind(socket: Socket): readonly Buffer[] {
  const fd = descriptors.get(socket);
  if (fd === undefined || socket.destroyed) return [];
  shared ??= makeArea();
  const { bytes, headers } = shared;
  // An error or the end is still there for the event loop to find.
  const count = recvmmsg.call(fd, headers, PACKETS, MSG.DONTWAIT, null);
  const packets: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const length = headers.readUInt32LE(index * MMSG.BYTES + MMSG.LENGTH);
    if (length > 0) packets.push(bytes.subarray(index * PACKET_BYTES, index * PACKET_BYTES + length));
  }
  return packets;
}
