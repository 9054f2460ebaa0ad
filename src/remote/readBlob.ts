import { EngineError, ErrorCode } from "#errors";
import type { Descriptor } from "#oci";
import type { HttpResponse } from "./httpResponse.ts";
import { matches, sizeMismatch } from "./readManifest.ts";
import type { BlobStream } from "./registryClient.ts";
import { headerOf } from "./transport.ts";

/** Sends the GET of a blob with these headers; `416` must be let through. */
export type BlobRequester = (headers: Readonly<Record<string, string>>) => Promise<HttpResponse>;

const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(\d+|\*)$/;
const RANGE_NOT_SATISFIABLE = 416;

/**
 * Opens a blob at `offset`. A server that does not do ranges, or answers another one, gives the whole blob (`offset` 0).
 * Sizes that differ from the descriptor's are refused before the first byte or as soon as they show.
 */
export async function openBlobAt(send: BlobRequester, descriptor: Descriptor, offset: number): Promise<BlobStream> {
  const isPartial = offset > 0 && offset < descriptor.size;
  const identity = { "Accept-Encoding": "identity" };
  const response = await send(isPartial ? { ...identity, Range: `bytes=${offset}-` } : identity);
  const start = startOf(response, descriptor, isPartial ? offset : 0);
  if (start !== undefined) return streamOf(response, descriptor, start);
  response.discard();
  return streamOf(await send(identity), descriptor, 0);
}

/** Where the answer starts; undefined when it is no use and the whole blob must be asked for. */
function startOf(response: HttpResponse, descriptor: Descriptor, wanted: number): number | undefined {
  if (response.status === RANGE_NOT_SATISFIABLE) return undefined;
  if (response.status !== 206) return 0;
  const [, first, last, total] = CONTENT_RANGE.exec(headerOf(response.headers, "content-range") ?? "") ?? [];
  const isWanted = Number(first) === wanted && Number(last) === descriptor.size - 1;
  if (total !== undefined && total !== "*" && Number(total) !== descriptor.size) {
    response.discard();
    throw sizeMismatch(`blob ${descriptor.digest}`, descriptor.size, Number(total));
  }
  return isWanted ? wanted : undefined;
}

function streamOf(response: HttpResponse, descriptor: Descriptor, offset: number): BlobStream {
  const expected = descriptor.size - offset;
  const what = `blob ${descriptor.digest}`;
  if (response.status === RANGE_NOT_SATISFIABLE || (response.status === 206) !== offset > 0) {
    response.discard();
    throw new EngineError("unavailable", ErrorCode.REGISTRY, `${what}: the registry answered ${response.statusLine}`);
  }
  const length = response.contentLength;
  if (length !== undefined && length !== expected) {
    response.discard();
    throw sizeMismatch(what, descriptor.size, offset + length);
  }
  const body = exactly(response.chunks(), descriptor, expected);
  return {
    offset,
    size: descriptor.size,
    body,
    [Symbol.asyncDispose]: async (): Promise<void> => response.close(),
  };
}

/** Stops at the first byte too many; fewer bytes are an error that a resumed download can mend. */
async function* exactly(
  chunks: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  expected: number,
): AsyncGenerator<Uint8Array, void, void> {
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > expected) throw sizeMismatch(`blob ${descriptor.digest}`, expected, length);
    yield chunk;
  }
  if (length < expected) {
    throw new EngineError("unavailable", ErrorCode.REGISTRY_UNREACHABLE, `blob ${descriptor.digest}: unexpected EOF`, {
      details: { retryable: true, expected, actual: length },
    });
  }
}

/** All bytes of a small blob, verified. @throws {data_loss}, {resource_exhausted}. */
export async function collectBlob(stream: BlobStream, descriptor: Descriptor): Promise<Uint8Array> {
  const bytes = Buffer.alloc(descriptor.size);
  let length = 0;
  for await (const chunk of stream.body) {
    bytes.set(chunk, length);
    length += chunk.length;
  }
  if (matches(bytes, descriptor.digest)) return bytes;
  throw new EngineError(
    "data_loss",
    ErrorCode.DIGEST_MISMATCH,
    `blob ${descriptor.digest}: the bytes have another digest`,
    { details: { expected: descriptor.digest } },
  );
}

/** @throws {resource_exhausted} when the descriptor says more than may be read at once. */
export function checkReadable(descriptor: Descriptor, maxBytes: number): void {
  if (descriptor.size <= maxBytes) return;
  throw new EngineError(
    "resource_exhausted",
    ErrorCode.REGISTRY,
    `blob ${descriptor.digest}: ${descriptor.size} bytes, at most ${maxBytes} are read at once`,
    { details: { size: descriptor.size, maxBytes } },
  );
}
