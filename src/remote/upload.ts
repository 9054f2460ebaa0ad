import { EngineError, ErrorCode, findEngineError } from "#errors";
import type { Digest } from "#oci";
import type { UploadBlob } from "./registryClient.ts";
import type { Session } from "./session.ts";
import { once } from "./tokens.ts";
import { headerOf } from "./transport.ts";
import { acknowledgedBytes, uploadLocation, withDigestParameter } from "./uploadLocation.ts";

const CHUNK_BYTES = 16 << 20;
const MAX_CHUNK_BYTES = 128 << 20;
const MAX_RESUMES = 5;

/** Where and for whom an upload is made. */
export interface UploadTarget {
  readonly session: Session;
  readonly path: string;
  readonly signal: AbortSignal | undefined;
}

/** Starts an upload: an URL to send bytes to, and how large chunks must be at least. */
async function startUpload(target: UploadTarget): Promise<{ readonly location: URL; readonly minChunkBytes: number }> {
  const { session, path, signal } = target;
  const response = await session.requestOnce({ method: "POST", target: `/v2/${path}/blobs/uploads/`, signal });
  response.discard();
  const min = Number(headerOf(response.headers, "oci-chunk-min-length") ?? 0);
  const minChunkBytes = Math.min(MAX_CHUNK_BYTES, Math.max(CHUNK_BYTES, Number.isSafeInteger(min) ? min : 0));
  return { location: uploadLocation(response), minChunkBytes };
}

/** One try: POST and PUT when the size is known, else POST, PATCH for each chunk, PUT. */
export async function uploadOnce(target: UploadTarget, blob: UploadBlob): Promise<void> {
  const { location, minChunkBytes } = await startUpload(target);
  if (blob.size === undefined) await new ChunkedUpload(target, location).run(blob, minChunkBytes);
  else await putWhole(target, location, blob, blob.size);
}

async function putWhole(target: UploadTarget, location: URL, blob: UploadBlob, size: number): Promise<void> {
  const response = await target.session.requestOnce({
    method: "PUT",
    target: withDigestParameter(location, digestOfBlob(blob)),
    headers: { "Content-Type": "application/octet-stream" },
    body: () => ({ chunks: counted(blob.open(), size, (sent) => blob.onProgress?.(sent)), size }),
    signal: target.signal,
  });
  response.discard();
}

function digestOfBlob(blob: UploadBlob): Digest {
  return typeof blob.digest === "function" ? blob.digest() : blob.digest;
}

/** Refuses to send more or less than was said, before the registry waits for bytes that never come. */
async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  tell: (sent: number) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let sent = 0;
  for await (const chunk of chunks) {
    sent += chunk.length;
    if (sent > size) break;
    yield chunk;
    tell(sent);
  }
  if (sent === size) return;
  throw new EngineError("data_loss", ErrorCode.SIZE_MISMATCH, `upload: expected ${size} bytes, got ${sent}`);
}

/** An upload in chunks that are kept until the registry has them, so that a cut costs one chunk at most. */
class ChunkedUpload {
  readonly #target: UploadTarget;
  #location: URL;
  #acknowledged = 0;

  constructor(target: UploadTarget, location: URL) {
    this.#target = target;
    this.#location = location;
  }

  async run(blob: UploadBlob, chunkBytes: number): Promise<void> {
    for await (const chunk of rechunked(blob.open(), chunkBytes)) {
      await this.#sendChunk(chunk);
      blob.onProgress?.(this.#acknowledged);
    }
    const { session, signal } = this.#target;
    const response = await session.requestOnce({
      method: "PUT",
      target: withDigestParameter(this.#location, digestOfBlob(blob)),
      signal,
    });
    response.discard();
  }

  async #sendChunk(chunk: Uint8Array): Promise<void> {
    const end = this.#acknowledged + chunk.length;
    for (let resumes = 0; this.#acknowledged < end; resumes += 1) {
      try {
        await this.#patch(chunk.subarray(chunk.length - (end - this.#acknowledged)));
      } catch (error) {
        if (findEngineError(error)?.details?.["retryable"] !== true || resumes === MAX_RESUMES) throw error;
        await this.#resync(end - chunk.length, end);
      }
    }
  }

  async #patch(bytes: Uint8Array): Promise<void> {
    const first = this.#acknowledged;
    const { session, signal } = this.#target;
    const response = await session.requestOnce({
      method: "PATCH",
      target: this.#location,
      headers: {
        "Content-Type": "application/octet-stream",
        "Content-Range": `${first}-${first + bytes.length - 1}`,
      },
      body: () => ({ chunks: once(bytes), size: bytes.length }),
      signal,
    });
    response.discard();
    this.#location = uploadLocation(response);
    this.#acknowledged = first + bytes.length;
  }

  /** Asks how much the registry has. @throws retryable {unavailable} when it is not within the chunk at hand. */
  async #resync(start: number, end: number): Promise<void> {
    const { session, signal } = this.#target;
    const response = await session.request({ method: "GET", target: this.#location, signal, accept: [404] });
    response.discard();
    const has = response.status === 404 ? undefined : (acknowledgedBytes(response) ?? 0);
    if (has === undefined || has < start || has > end) {
      throw new EngineError("unavailable", ErrorCode.REGISTRY, "the registry lost the upload", {
        details: { retryable: true },
      });
    }
    this.#acknowledged = has;
    if (headerOf(response.headers, "location") !== undefined) this.#location = uploadLocation(response);
  }
}

/** Copies into chunks of one size (the last may be smaller); the memory of a chunk is used again for the next. */
async function* rechunked(
  chunks: AsyncIterable<Uint8Array>,
  chunkBytes: number,
): AsyncGenerator<Uint8Array, void, void> {
  const memory = Buffer.allocUnsafeSlow(chunkBytes);
  let length = 0;
  for await (const chunk of chunks) {
    for (let rest = chunk; rest.length > 0; ) {
      const taken = rest.subarray(0, chunkBytes - length);
      memory.set(taken, length);
      length += taken.length;
      rest = rest.subarray(taken.length);
      if (length < chunkBytes) continue;
      yield memory;
      length = 0;
    }
  }
  if (length > 0) yield memory.subarray(0, length);
}
