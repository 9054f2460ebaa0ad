import { EngineError, ErrorCode } from "#errors";

/** One piece of a container's output; pieces of one stream are in order. */
export interface OutputPiece {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

const HEADER_BYTES = 8;
const STDOUT = 1;
const STDERR = 2;
const SYSTEM_ERROR = 3;

/** Splits `[stream, 0, 0, 0, size (32-bit big-endian)]` frames that arrive cut anywhere; holds at most one header. */
class FrameReader {
  #header = Buffer.alloc(0);
  #left = 0;
  #kind = STDOUT;
  #systemError = "";

  *push(chunk: Uint8Array): Generator<OutputPiece> {
    let bytes = this.#header.byteLength === 0 ? Buffer.from(chunk) : Buffer.concat([this.#header, chunk]);
    this.#header = Buffer.alloc(0);
    while (bytes.byteLength > 0) {
      if (this.#left === 0) {
        if (bytes.byteLength < HEADER_BYTES) {
          this.#header = bytes;
          return;
        }
        this.#open(bytes);
        bytes = bytes.subarray(HEADER_BYTES);
        continue;
      }
      const piece = bytes.subarray(0, this.#left);
      bytes = bytes.subarray(piece.byteLength);
      this.#left -= piece.byteLength;
      yield* this.#take(piece);
    }
  }

  #open(header: Buffer): void {
    this.#kind = header.readUInt8(0);
    this.#left = header.readUInt32BE(4);
    if (this.#kind > SYSTEM_ERROR) {
      throw new EngineError("data_loss", ErrorCode.BAD_REQUEST, `Unrecognized input header: ${this.#kind}`);
    }
  }

  *#take(piece: Uint8Array): Generator<OutputPiece> {
    if (this.#kind === SYSTEM_ERROR) {
      this.#systemError += Buffer.from(piece).toString("utf8");
      if (this.#left > 0) return;
      throw new EngineError("internal", ErrorCode.INTERNAL, `error from daemon in stream: ${this.#systemError}`);
    }
    yield { stream: this.#kind === STDERR ? "stderr" : "stdout", bytes: piece };
  }
}

/**
 * Docker's multiplexed stream (`application/vnd.docker.multiplexed-stream`, stdcopy) → pieces; bytes are never gathered,
 * a frame may come as several pieces. A stream that ends inside a frame just ends.
 * @throws {internal} with the daemon's text when the daemon reports an error inside the stream.
 */
export async function* demultiplex(body: AsyncIterable<Uint8Array>): AsyncGenerator<OutputPiece> {
  const reader = new FrameReader();
  for await (const chunk of body) yield* reader.push(chunk);
}
