import type { LayerIndexLine } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";

/** A layer's index as it was sent. */
export interface ReceivedIndex {
  readonly line: LayerIndexLine;
  readonly bytes: Uint8Array;
}

const NEWLINE = 0x0a;
const MAX_LINE_BYTES = 64 << 20;

function cutOff(): EngineError {
  return new EngineError("unavailable", ErrorCode.DAEMON_UNREACHABLE, "unexpected EOF");
}

/** Takes lines and counted bytes in turn from chunks of any size. */
class Pieces {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#chunks = body[Symbol.asyncIterator]();
  }

  /** Without its end; undefined when nothing more comes. */
  async line(): Promise<string | undefined> {
    const parts: Buffer[] = [];
    let length = 0;
    for (;;) {
      const end = this.#rest.indexOf(NEWLINE);
      if (end >= 0) {
        parts.push(this.#rest.subarray(0, end));
        this.#rest = this.#rest.subarray(end + 1);
        return Buffer.concat(parts).toString("utf8");
      }
      parts.push(this.#rest);
      length += this.#rest.length;
      if (length > MAX_LINE_BYTES) throw cutOff();
      if (await this.#fill()) continue;
      if (length > 0) throw cutOff();
      return undefined;
    }
  }

  async bytes(count: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(count);
    for (let done = 0; done < count; ) {
      if (this.#rest.length === 0 && !(await this.#fill())) throw cutOff();
      const taken = this.#rest.subarray(0, count - done);
      bytes.set(taken, done);
      done += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
    }
    return bytes;
  }

  async #fill(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#rest = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    return true;
  }
}

/** The answer of `GET …/entries`, layer by layer. @throws {unavailable} when it is cut off */
export async function* readLayerIndexes(body: AsyncIterable<Uint8Array>): AsyncGenerator<ReceivedIndex> {
  const pieces = new Pieces(body);
  for (let text = await pieces.line(); text !== undefined; text = await pieces.line()) {
    const line = JSON.parse(text) as LayerIndexLine;
    yield { line, bytes: await pieces.bytes(line.bytes) };
  }
}
