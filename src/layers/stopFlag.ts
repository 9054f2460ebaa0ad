import { EngineError, ErrorCode } from "#errors";

/** One shared cell that tells every worker of an ingest to stop. */
export class StopFlag {
  readonly cell: SharedArrayBuffer;
  readonly #view: Int32Array;

  constructor(cell: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    this.cell = cell;
    this.#view = new Int32Array(cell);
  }

  raise(): void {
    Atomics.store(this.#view, 0, 1);
  }

  /** @throws {cancelled} when the flag is up */
  check(): void {
    if (Atomics.load(this.#view, 0) !== 0)
      throw new EngineError("cancelled", ErrorCode.CANCELLED, "layer ingest stopped");
  }
}
