import { EngineError, ErrorCode, findEngineError } from "#errors";
import type { GrowingBlob, UploadBlob, WholeBlob } from "./registryClient.ts";
import type { Session } from "./session.ts";
import { once } from "./tokens.ts";
import { headerOf } from "./transport.ts";
import type { RequestBody } from "./transport.ts";
import { acknowledgedBytes, uploadLocation, withDigestParameter } from "./uploadLocation.ts";

const CHUNK_BYTES = 16 << 20;
const MAX_CHUNK_BYTES = 128 << 20;
const MAX_RESUMES = 5;
const BODY_HEADERS = { "Content-Type": "application/octet-stream" } as const;
/** Answers of registries that do not take a body without a length: bad request, method, length required, too large, range, not implemented. */
const NO_STREAMS: ReadonlySet<number> = new Set([400, 405, 411, 413, 415, 416, 501]);

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

/** One try: POST and PUT when the size is known, else POST, PATCH, PUT. */
export async function uploadOnce(target: UploadTarget, blob: UploadBlob): Promise<void> {
  if (blob.size === undefined) return await uploadGrowing(target, blob);
  const { location } = await startUpload(target);
  await putWhole(target, location, blob);
}

async function uploadGrowing(target: UploadTarget, blob: GrowingBlob): Promise<void> {
  const { location, minChunkBytes } = await startUpload(target);
  const upload = new GrowingUpload(target, location, blob);
  try {
    await upload.stream();
  } catch (error) {
    const failure = findEngineError(error);
    if (failure?.details?.["retryable"] === true) await upload.resync();
    else if (failure !== undefined && NO_STREAMS.has(Number(failure.details?.["status"])))
      return await uploadInChunks(target, blob);
    else throw error;
    await upload.sendRest(minChunkBytes);
  }
  await upload.commit();
}

/** For registries that want to know how long a body is. */
async function uploadInChunks(target: UploadTarget, blob: GrowingBlob): Promise<void> {
  const { location, minChunkBytes } = await startUpload(target);
  const upload = new GrowingUpload(target, location, blob);
  await upload.sendRest(minChunkBytes);
  await upload.commit();
}

async function putWhole(target: UploadTarget, location: URL, blob: WholeBlob): Promise<void> {
  const { digest, size } = blob;
  const response = await target.session.requestOnce({
    method: "PUT",
    target: withDigestParameter(location, digest),
    headers: BODY_HEADERS,
    body: () => ({ chunks: counted(blob.open(0), size, (sent) => blob.onProgress?.(sent)), size }),
    signal: target.signal,
  });
  response.discard();
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

/** An upload of bytes that are still being made: one PATCH for all, and chunks for what was cut. */
class GrowingUpload {
  readonly #target: UploadTarget;
  readonly #blob: GrowingBlob;
  #location: URL;
  /** Bytes that the registry is known to have. */
  #acknowledged = 0;
  #sent = 0;

  constructor(target: UploadTarget, location: URL, blob: GrowingBlob) {
    this.#target = target;
    this.#location = location;
    this.#blob = blob;
  }

  /** One request without a length, as Docker sends it. */
  async stream(): Promise<void> {
    await this.#patch({}, () => ({ chunks: this.#told(), size: undefined }));
    this.#acknowledged = this.#sent;
  }

  async *#told(): AsyncGenerator<Uint8Array, void, void> {
    this.#sent = 0;
    for await (const chunk of this.#blob.open(0)) {
      // Counted before: a registry may have got it although we never come back here.
      this.#sent += chunk.length;
      yield chunk;
      this.#blob.onProgress?.(this.#sent);
    }
  }

  /** What the registry has not got, in chunks that are kept until it has them, so that a cut costs one chunk at most. */
  async sendRest(chunkBytes: number): Promise<void> {
    for await (const chunk of rechunked(this.#blob.open(this.#acknowledged), chunkBytes)) {
      await this.#sendChunk(chunk);
      this.#blob.onProgress?.(this.#acknowledged);
    }
  }

  async commit(): Promise<void> {
    const { session, signal } = this.#target;
    const response = await session.requestOnce({
      method: "PUT",
      target: withDigestParameter(this.#location, await this.#blob.digest()),
      signal,
    });
    response.discard();
  }

  async #sendChunk(chunk: Uint8Array): Promise<void> {
    const end = this.#acknowledged + chunk.length;
    for (let resumes = 0; this.#acknowledged < end; resumes += 1) {
      try {
        await this.#patchChunk(chunk.subarray(chunk.length - (end - this.#acknowledged)));
      } catch (error) {
        if (findEngineError(error)?.details?.["retryable"] !== true || resumes === MAX_RESUMES) throw error;
        await this.#askWithin(end - chunk.length, end);
      }
    }
  }

  async #patchChunk(bytes: Uint8Array): Promise<void> {
    const first = this.#acknowledged;
    const range = { "Content-Range": `${first}-${first + bytes.length - 1}` };
    await this.#patch(range, () => ({ chunks: once(bytes), size: bytes.length }));
    this.#acknowledged = first + bytes.length;
  }

  async #patch(headers: Readonly<Record<string, string>>, body: () => RequestBody): Promise<void> {
    const { session, signal } = this.#target;
    const response = await session.requestOnce({
      method: "PATCH",
      target: this.#location,
      headers: { ...BODY_HEADERS, ...headers },
      body,
      signal,
    });
    response.discard();
    this.#location = uploadLocation(response);
  }

  /** Asks how much of what was sent the registry has. @throws retryable {unavailable} when it lost the upload */
  async resync(): Promise<void> {
    await this.#askWithin(0, this.#sent);
  }

  /** @throws retryable {unavailable} when what the registry has is not in this range. */
  async #askWithin(start: number, end: number): Promise<void> {
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
