import { closeSync } from "node:fs";
import { constants } from "node:os";
import { NETLINK, SOCKET } from "./constants.ts";
import { lastErrno, nativeFunction } from "./libc.ts";
import { checked, syscallError } from "./syscallError.ts";

const socket = nativeFunction<[number, number, number]>("int socket(int, int, int)");
const bind = nativeFunction<[number, Buffer, number]>("int bind(int, const void*, uint32_t)");
const setsockopt = nativeFunction<[number, number, number, Buffer, number]>(
  "int setsockopt(int, int, int, const void*, uint32_t)",
);
const send = nativeFunction<[number, Buffer, number, number]>("int64_t send(int, const void*, size_t, int)");
const recv = nativeFunction<[number, Buffer, number, number]>("int64_t recv(int, void*, size_t, int)");

const ALIGN = 4;
const aligned = (bytes: number): number => (bytes + ALIGN - 1) & ~(ALIGN - 1);

/** A request without its header, which the socket writes: type, flags beside REQUEST and ACK, fixed part and attributes. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
  /** What it does, for the error. */
  readonly about: string;
}

/** u32 in the machine's order; we run on little-endian machines only. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

/** One attribute: u16 length, u16 type, value, padded to four bytes. A text gets its NUL, a list holds attributes. */
export function attribute(type: number, value: Uint8Array | string | readonly Buffer[]): Buffer {
  const data =
    typeof value === "string" ? Buffer.from(`${value}\0`) : value instanceof Uint8Array ? value : Buffer.concat(value);
  const bytes = Buffer.alloc(aligned(4 + data.length));
  bytes.writeUInt16LE(4 + data.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(data, 4);
  return bytes;
}

/** Attributes by type; of two with one type the last. */
export function parseAttributes(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) break;
    found.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += aligned(length);
  }
  return found;
}

/** A request as the kernel reads it. */
export function encodeRequest({ type, flags, body }: NetlinkRequest, sequence: number): Buffer {
  const bytes = Buffer.alloc(aligned(NETLINK.HEADER_BYTES + body.length));
  bytes.writeUInt32LE(NETLINK.HEADER_BYTES + body.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags | NETLINK.REQUEST | NETLINK.ACK, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(body, NETLINK.HEADER_BYTES);
  return bytes;
}

interface Answer {
  readonly type: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

function* answersIn(bytes: Buffer): Generator<Answer> {
  for (let at = 0; at + NETLINK.HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    const payload = bytes.subarray(at + NETLINK.HEADER_BYTES, at + length);
    yield { type: bytes.readUInt16LE(at + 4), sequence: bytes.readUInt32LE(at + 8), payload };
    at += aligned(length);
  }
}

/**
 * A netlink socket. It stays in the network namespace in which it was opened, whatever the thread does later. The
 * kernel works within `send`, so an answer is there when it returns and nothing here waits.
 */
export class NetlinkSocket implements Disposable {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(NETLINK.BUFFER_BYTES);
  #sequence = 1;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** In the calling thread's present network namespace. `protocol`: NETLINK.ROUTE unless said. */
  static open(protocol: number = NETLINK.ROUTE): NetlinkSocket {
    const kind = NETLINK.RAW | SOCKET.CLOEXEC;
    const fd = checked("socket", "netlink", socket.call(NETLINK.AF, kind, protocol));
    const name = Buffer.alloc(12);
    name.writeUInt16LE(NETLINK.AF);
    try {
      checked("bind", "netlink", bind.call(fd, name, name.length));
      // Without it every refusal carries the whole request back.
      setsockopt.call(fd, NETLINK.SOL, NETLINK.CAP_ACK, u32(1), 4);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return new NetlinkSocket(fd);
  }

  /** Does all in order, in one call of the kernel; goes on after one that failed. @throws a syscall error for the first that failed. */
  request(...requests: readonly NetlinkRequest[]): void {
    const first = this.#send(requests);
    this.#collect(first, requests);
  }

  /** The same on libuv's pool, for what the kernel takes long over: a link's removal waits 20-50 ms. One at a time. */
  async requestSlowly(request: NetlinkRequest): Promise<void> {
    const first = this.#sequence++;
    const bytes = encodeRequest(request, first);
    const { result, errno } = await send.callAsync(this.#fd, bytes, bytes.length, 0);
    if (result < 0) throw syscallError({ syscall: request.about, path: undefined, errno });
    this.#collect(first, [request]);
  }

  /** Payloads of every answer to a GET request; with the DUMP flag all of them. */
  query(request: NetlinkRequest): readonly Buffer[] {
    const sequence = this.#send([request]);
    const found: Buffer[] = [];
    for (;;) {
      for (const { type, sequence: of, payload } of answersIn(this.#receive())) {
        if (of !== sequence) continue;
        if (type === NETLINK.DONE) return found;
        if (type !== NETLINK.ERROR) {
          found.push(Buffer.from(payload));
          continue;
        }
        refuse(payload, request.about);
        return found;
      }
    }
  }

  #send(requests: readonly NetlinkRequest[]): number {
    const first = this.#sequence;
    this.#sequence += requests.length;
    const bytes = Buffer.concat(requests.map((request, index) => encodeRequest(request, first + index)));
    checked(
      "send",
      "netlink",
      untilUninterrupted(() => send.call(this.#fd, bytes, bytes.length, 0)),
    );
    return first;
  }

  #collect(first: number, requests: readonly NetlinkRequest[]): void {
    const failures: unknown[] = [];
    for (let left = requests.length; left > 0; ) {
      for (const { type, sequence, payload } of answersIn(this.#receive())) {
        const request = requests[sequence - first];
        if (type !== NETLINK.ERROR || request === undefined) continue;
        left -= 1;
        try {
          refuse(payload, request.about);
        } catch (error) {
          failures.push(error);
        }
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  #receive(): Buffer {
    const received = untilUninterrupted(() => recv.call(this.#fd, this.#buffer, this.#buffer.length, 0));
    const bytes = checked("recv", "netlink", received);
    return this.#buffer.subarray(0, bytes);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** A child's end interrupts the main thread's calls; nothing has been done then. */
function untilUninterrupted(call: () => number): number {
  for (;;) {
    const result = call();
    if (result >= 0 || lastErrno() !== constants.errno.EINTR) return result;
  }
}

/** An ERROR answer with errno 0 is the acknowledgement. */
function refuse(payload: Buffer, about: string): void {
  const errno = -payload.readInt32LE(0);
  if (errno !== 0) throw syscallError({ syscall: about, path: undefined, errno });
}
