import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { EngineError, ErrorCode } from "#errors";
import { growth } from "#layers";
import type { GrowingFile } from "#layers";

/** Large enough that calls cost nothing, small enough to stay in the cache until they are sent. */
const CHUNK_BYTES = 1 << 20;
/** One that is being sent, one that waits, one that is being filled. */
const CHUNKS = 3;

/** A compressed layer while it is made, for whoever wants to read what is there already. */
export interface GrowingBlob extends AsyncDisposable {
  /** Resolves when there is something. @throws as {@link read} */
  begun(signal: AbortSignal): Promise<void>;
  /**
   * From there on to the end, waiting for what is not there yet. A chunk stays as it is until the next but one is asked for.
   * @throws {aborted} SOURCE_FAILED when it is not going to be whole
   */
  read(offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** How many bytes of the tar are in the first `bytes` bytes. */
  tarBytes(bytes: number): number;
}

/** What is told of a blob that grows. */
export interface GrowingBlobSource {
  readonly file: GrowingFile;
  readonly tarBytes: (bytes: number) => number;
}

/** Which byte of the tar is how far in the compressed blob, at the ends of blocks. */
export class Marks {
  readonly #marks: { readonly end: number; readonly tarBytes: number }[] = [];

  add(end: number, tarBytes: number): void {
    this.#marks.push({ end, tarBytes });
  }

  tarBytes(bytes: number): number {
    return this.#marks.findLast(({ end }) => end <= bytes)?.tarBytes ?? 0;
  }
}

/** Opens the file now: it is renamed when it is whole. */
export async function openGrowingBlob({ file, tarBytes }: GrowingBlobSource): Promise<GrowingBlob> {
  const handle = await open(file.path, "r");
  return {
    begun: async (signal) => void (await growth(file, 1, signal)),
    read: (offset, signal) => readGrowing(handle, file, { offset, signal }),
    tarBytes,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

async function* readGrowing(
  handle: FileHandle,
  file: GrowingFile,
  { offset, signal }: { readonly offset: number; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, void> {
  const chunks = Array.from({ length: CHUNKS }, () => Buffer.allocUnsafeSlow(CHUNK_BYTES));
  let at = offset;
  for (let turn = 0; ; turn += 1) {
    const available = await growth(file, at + 1, signal);
    if (available <= at) return;
    const chunk = chunks[turn % CHUNKS]?.subarray(0, available - at);
    if (chunk === undefined) return;
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, file.baseOffset + at);
    if (bytesRead === 0) throw new EngineError("data_loss", ErrorCode.SOURCE_FAILED, "a compressed layer is cut short");
    at += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}
