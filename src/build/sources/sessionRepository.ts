import { EngineError, ErrorCode } from "#errors";
import { digestOf, formatReference, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, parseManifest } from "#oci";
import type { Descriptor, Digest, ManifestDocument, Reference } from "#oci";
import type { BlobStream, RepositoryReader } from "#remote";
import type { SessionContent } from "../session.ts";

/** A content store of the client, read like a repository: an OCI layout that a build names as base. */
export function sessionRepository(content: SessionContent): RepositoryReader {
  const readWhole = async (digest: Digest, maxBytes: number): Promise<Uint8Array> => {
    const info = await content.info(digest);
    if (info === undefined) throw notHere(digest);
    if (info.size > maxBytes) throw tooLarge(digest, maxBytes);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of content.read(digest)) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(digest, maxBytes);
      chunks.push(Uint8Array.from(chunk));
    }
    const whole = Buffer.concat(chunks);
    if (digestOf(whole) === digest) return whole;
    throw new EngineError("data_loss", ErrorCode.DIGEST_MISMATCH, `${digest}: the client sent other bytes`);
  };
  const readDocument = async (digest: Digest, mediaType?: string): Promise<ManifestDocument> =>
    parseManifest(await readWhole(digest, MAX_MANIFEST_BYTES), mediaType);
  return {
    async resolve(reference: Reference) {
      if (reference.digest !== undefined) return await readDocument(reference.digest);
      const message = `${formatReference(reference)}: an OCI layout is named by digest`;
      throw new EngineError("invalid_argument", ErrorCode.INVALID_REFERENCE, message);
    },
    fetchManifest: (descriptor) => readDocument(descriptor.digest, descriptor.mediaType),
    openBlob: (descriptor, options = {}) => Promise.resolve(openBlob(content, descriptor, options.offset ?? 0)),
    readBlob: (descriptor, options = {}) => readWhole(descriptor.digest, options.maxBytes ?? MAX_CONFIG_BYTES),
    listTags: () => Promise.resolve([]),
  };
}

function openBlob(content: SessionContent, { digest, size }: Descriptor, offset: number): BlobStream {
  return {
    offset,
    size,
    body: bounded(content.read(digest, { offset, length: size - offset }), size - offset, digest),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function* bounded(body: AsyncIterable<Uint8Array>, most: number, digest: Digest): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > most)
      throw new EngineError("data_loss", ErrorCode.SIZE_MISMATCH, `${digest}: the client sent more than its size`);
    yield chunk;
  }
}

function notHere(digest: Digest): EngineError {
  return new EngineError("not_found", ErrorCode.BLOB_NOT_FOUND, `content ${digest}: not found`);
}

function tooLarge(digest: Digest, maxBytes: number): EngineError {
  const message = `content ${digest}: more than ${maxBytes} bytes`;
  return new EngineError("resource_exhausted", ErrorCode.BLOB_TOO_LARGE, message);
}
