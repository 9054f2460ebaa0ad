import { Duplex } from "node:stream";

/** @see RFC 9113 4.1 and 6.1 */
const HEADER_BYTES = 9;
const DATA = 0;
/** As much as every peer takes, and as we announce by announcing nothing. */
const MAX_FRAME_BYTES = 16_384;
const NO_BYTES: Buffer = Buffer.alloc(0);

/**
 * Joins neighbouring DATA frames of one stream, as many bytes as a frame may have: a client sends each message in a frame of
 * its own, and what Node does for a frame is many times what a context's small file is worth. All else goes by as it is; so
 * does everything behind a frame that is larger than allowed, which the parser then refuses.
 */
export class FrameJoiner {
  #held: Buffer = NO_BYTES;
  #isPassing = false;

  /** The frames that are whole with this chunk. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = NO_BYTES;
    if (this.#isPassing) return bytes;
    const joined = Buffer.allocUnsafe(bytes.length);
    let used = 0;
    /** Where the last frame of `joined` begins, if more may be added to it, and what it has. */
    let open = -1;
    let openBytes = 0;
    let at = 0;
    while (at + HEADER_BYTES <= bytes.length) {
      const length = bytes.readUIntBE(at, 3);
      if (length > MAX_FRAME_BYTES) {
        this.#isPassing = true;
        break;
      }
      const end = at + HEADER_BYTES + length;
      if (end > bytes.length) break;
      const isPlain = bytes[at + 3] === DATA && bytes[at + 4] === 0;
      const isNext = isPlain && open >= 0 && openBytes + length <= MAX_FRAME_BYTES;
      if (isNext && bytes.readUInt32BE(at + 5) === joined.readUInt32BE(open + 5)) {
        used += bytes.copy(joined, used, at + HEADER_BYTES, end);
        openBytes += length;
        joined.writeUIntBE(openBytes, open, 3);
      } else {
        open = isPlain ? used : -1;
        openBytes = length;
        used += bytes.copy(joined, used, at, end);
      }
      at = end;
    }
    const rest = bytes.subarray(at);
    if (this.#isPassing) return Buffer.concat([joined.subarray(0, used), rest]);
    this.#held = rest;
    return joined.subarray(0, used);
  }
}

/** A connection on which HTTP/2 frames come in, joined by {@link FrameJoiner}; it ends and closes with `socket`, and that with it. */
export function joinFrames(socket: Duplex): Duplex {
  const joiner = new FrameJoiner();
  const joined = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Uint8Array, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(() => done()),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk: Buffer) => {
    const frames = joiner.push(chunk);
    if (frames.length > 0 && !joined.push(frames)) socket.pause();
  });
  socket.on("end", () => void joined.push(null));
  socket.on("error", (error: Error) => void joined.destroy(error));
  socket.on("close", () => {
    // What came before is read first.
    if (socket.readableEnded && !joined.readableEnded) joined.once("end", () => joined.destroy());
    else joined.destroy();
  });
  return joined;
}
