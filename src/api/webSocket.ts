import { createHash } from "node:crypto";
import { Duplex } from "node:stream";
import { EngineError, ErrorCode } from "#errors";

/** @see RFC 6455, section 1.3 */
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPCODE = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;
const FINAL = 0x80;
const MASKED = 0x80;
const MASK_BYTES = 4;
/** Frames of a client are input of a terminal; a larger one closes the connection. */
const MAX_FRAME_BYTES = 1 << 20;
const MAX_CONTROL_BYTES = 125;
const CLOSE = { NORMAL: 1000, PROTOCOL: 1002, TOO_BIG: 1009 } as const;

/** The answer to a client's key. @throws {invalid_argument} when it asked for no WebSocket, in dockerd's words */
export function acceptWebSocket(headers: Readonly<Record<string, unknown>>): string {
  const { upgrade, "sec-websocket-key": key, "sec-websocket-version": version } = headers;
  if (typeof upgrade !== "string" || upgrade.toLowerCase() !== "websocket" || typeof key !== "string" || key === "")
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "not websocket protocol");
  if (version !== "13")
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "missing or bad WebSocket Version");
  const accept = createHash("sha1").update(`${key}${ACCEPT_SUFFIX}`).digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** One frame of ours: never masked, never a part. */
export function encodeWebSocketFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const size = length <= MAX_CONTROL_BYTES ? 0 : length <= 0xffff ? 2 : 8;
  const head = Buffer.alloc(2 + size);
  head[0] = FINAL | opcode;
  head[1] = size === 0 ? length : size === 2 ? 126 : 127;
  if (size === 2) head.writeUInt16BE(length, 2);
  if (size === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** What ends a connection, with the code that says why. */
class ProtocolError extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`WebSocket closed with ${code}`);
    this.code = code;
  }
}

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** Bytes of it as it came. */
  readonly bytes: number;
}

/** The first frame of what came; undefined while it is not whole. @throws {ProtocolError} */
function decodeFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  // Reserved bits stand for extensions, of which none was agreed; a client must mask.
  if ((first & 0x70) !== 0 || (second & MASKED) === 0) throw new ProtocolError(CLOSE.PROTOCOL);
  const short = second & 0x7f;
  const size = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (bytes.length < 2 + size) return undefined;
  const length = size === 0 ? short : size === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const opcode = first & 0x0f;
  if (opcode >= OPCODE.CLOSE && (length > MAX_CONTROL_BYTES || (first & FINAL) === 0))
    throw new ProtocolError(CLOSE.PROTOCOL);
  if (length > MAX_FRAME_BYTES) throw new ProtocolError(CLOSE.TOO_BIG);
  const start = 2 + size + MASK_BYTES;
  if (bytes.length < start + length) return undefined;
  const mask = bytes.subarray(start - MASK_BYTES, start);
  const payload = Buffer.from(bytes.subarray(start, start + length));
  for (let at = 0; at < length; at += 1) payload[at] = (payload[at] ?? 0) ^ (mask[at % MASK_BYTES] ?? 0);
  return { opcode, payload, bytes: start + length };
}

/**
 * A WebSocket as a stream of bytes: what is written goes out as binary frames, what data frames hold is read, whatever their
 * kind and parts. Pings are answered; a close ends both sides. Back-pressure is the socket's.
 */
export class WebSocketStream extends Duplex {
  readonly #socket: Duplex;
  #rest: Buffer = Buffer.alloc(0);
  #isClosing = false;

  constructor(socket: Duplex, head: Uint8Array) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("end", () => this.push(null));
    socket.on("close", () => this.destroy());
    socket.on("error", () => this.destroy());
    if (head.length > 0) this.#take(Buffer.from(head));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(encodeWebSocketFrame(OPCODE.BINARY, chunk), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#close(CLOSE.NORMAL);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    try {
      for (let frame = decodeFrame(this.#rest); frame !== undefined; frame = decodeFrame(this.#rest)) {
        this.#rest = this.#rest.subarray(frame.bytes);
        this.#hear(frame);
        if (this.#isClosing) return;
      }
    } catch (error) {
      this.#close(error instanceof ProtocolError ? error.code : CLOSE.PROTOCOL);
      this.push(null);
    }
  }

  #hear({ opcode, payload }: Frame): void {
    switch (opcode) {
      case OPCODE.CONTINUATION:
      case OPCODE.TEXT:
      case OPCODE.BINARY:
        if (payload.length > 0 && !this.push(payload)) this.#socket.pause();
        return;
      case OPCODE.PING:
        this.#socket.write(encodeWebSocketFrame(OPCODE.PONG, payload));
        return;
      case OPCODE.PONG:
        return;
      case OPCODE.CLOSE:
        this.#close(CLOSE.NORMAL);
        this.push(null);
        return;
      default:
        throw new ProtocolError(CLOSE.PROTOCOL);
    }
  }

  #close(code: number): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#socket.end(encodeWebSocketFrame(OPCODE.CLOSE, payload));
  }
}
