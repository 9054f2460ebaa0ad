import { closeSync, openSync, readSync } from "node:fs";
import { EngineError, ErrorCode } from "#errors";
import { GrowingFileTail } from "./growingFile.ts";
import type { FileSource } from "./jobs.ts";
import type { StopFlag } from "./stopFlag.ts";

/** Reads a growing file's payload in order, waiting for bytes that are not there yet; worker threads only. */
export class PayloadReader implements Disposable {
  readonly #fd: number;
  readonly #tail: GrowingFileTail;
  readonly #baseOffset: number;
  readonly #buffer: Buffer;
  readonly #processed: Float64Array | undefined;
  #position = 0;
  #available = 0;

  constructor({ file, processed }: FileSource, stop: StopFlag, chunkBytes: number) {
    this.#tail = new GrowingFileTail(file, stop);
    this.#baseOffset = file.baseOffset;
    this.#buffer = Buffer.allocUnsafeSlow(chunkBytes);
    this.#processed = processed === undefined ? undefined : new Float64Array(processed);
    this.#fd = openSync(file.path, "r");
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  /** The next bytes, valid until the next call; undefined at the end. */
  read(): Buffer | undefined {
    if (this.#available <= this.#position) this.#available = this.#tail.waitBeyond(this.#position);
    if (this.#processed !== undefined) this.#processed[0] = this.#position;
    const wanted = Math.min(this.#buffer.length, this.#available - this.#position);
    if (wanted <= 0) return undefined;
    const got = readSync(this.#fd, this.#buffer, 0, wanted, this.#baseOffset + this.#position);
    if (got === 0) throw new EngineError("data_loss", ErrorCode.SIZE_MISMATCH, "a layer's source file was cut short");
    this.#position += got;
    return got === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, got);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
