import { GrpcCode, GrpcError } from "./status.ts";

const PREFIX_BYTES = 5;
/** As much as clients' own session side takes; what BuildKit clients send stays below 4 MiB. */
export const MAX_MESSAGE_BYTES: number = 16 << 20;

/** One message as it lies in a stream: flag, length, bytes. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/** What the prefix at `at` says. @throws {GrpcError} */
function lengthAt(bytes: Buffer, at: number): number {
  if (bytes[at] !== 0) throw new GrpcError(GrpcCode.UNIMPLEMENTED, "grpc: compressed messages are not supported");
  const length = bytes.readUInt32BE(at + 1);
  if (length <= MAX_MESSAGE_BYTES) return length;
  throw new GrpcError(
    GrpcCode.RESOURCE_EXHAUSTED,
    `grpc: received message larger than max (${length} vs. ${MAX_MESSAGE_BYTES})`,
  );
}

/** Adds the messages that the chunk has whole from its start; where they end. */
function takeWhole(chunk: Buffer, messages: Buffer[]): number {
  let at = 0;
  while (at + PREFIX_BYTES <= chunk.length) {
    const start = at + PREFIX_BYTES;
    const end = start + lengthAt(chunk, at);
    if (end > chunk.length) break;
    messages.push(chunk.subarray(start, end));
    at = end;
  }
  return at;
}

/** Cuts a stream of bytes into messages, whatever the chunks; a message of no bytes is one too. */
export class Deframer {
  #parts: Buffer[] = [];
  #held = 0;
  #wanted: number | undefined;

  /** True when the stream may end here. */
  get isAtBoundary(): boolean {
    return this.#held === 0 && this.#wanted === undefined;
  }

  /** The messages that are whole with this chunk. @throws {GrpcError} for compressed and too large ones */
  push(chunk: Buffer): readonly Buffer[] {
    const messages: Buffer[] = [];
    // What is whole in the chunk costs one view each: there are three for every file of a context.
    const rest = this.isAtBoundary ? chunk.subarray(takeWhole(chunk, messages)) : chunk;
    if (rest.length === 0) return messages;
    this.#parts.push(rest);
    this.#held += rest.length;
    for (;;) {
      this.#wanted ??= this.#readPrefix();
      if (this.#wanted === undefined || this.#held < this.#wanted) return messages;
      messages.push(this.#take(this.#wanted));
      this.#wanted = undefined;
    }
  }

  #readPrefix(): number | undefined {
    if (this.#held < PREFIX_BYTES) return undefined;
    return lengthAt(this.#take(PREFIX_BYTES), 0);
  }

  #take(bytes: number): Buffer {
    const first = this.#parts[0];
    // Joined only when a message spans chunks, and then once: what came is otherwise handed on as it is.
    const all = first !== undefined && first.length >= bytes ? first : Buffer.concat(this.#parts, this.#held);
    if (all !== first) this.#parts = [all];
    const rest = all.subarray(bytes);
    if (rest.length > 0) this.#parts[0] = rest;
    else this.#parts.shift();
    this.#held -= bytes;
    return all.subarray(0, bytes);
  }
}
