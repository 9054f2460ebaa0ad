import { hash } from "node:crypto";
import { EngineError, ErrorCode } from "#errors";
import { algorithmOf, isDigest, MAX_MANIFEST_BYTES, MediaType, parseManifest } from "#oci";
import type { Descriptor, Digest, ManifestDocument } from "#oci";
import type { Session } from "./session.ts";
import { headerOf } from "./transport.ts";

/** Everything that we can read, preferred first; schema 1 is not asked for. */
export const MANIFEST_ACCEPT: string = [
  MediaType.OCI_INDEX,
  MediaType.DOCKER_MANIFEST_LIST,
  MediaType.OCI_MANIFEST,
  MediaType.DOCKER_MANIFEST,
  "*/*;q=0.5",
].join(", ");

/** What is asked for, and what it must be. */
export interface WantedManifest {
  readonly path: string;
  readonly tagOrDigest: string;
  /** Bytes, if known before. */
  readonly size?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One manifest or index from one endpoint: at most 4 MiB are read, the bytes must hash to the digest that was asked for
 * (or that the registry names for a tag). @throws {data_loss} when they do not, else as `RepositoryReader.resolve`.
 */
export async function readManifest(session: Session, wanted: WantedManifest): Promise<ManifestDocument> {
  const { path, tagOrDigest, signal } = wanted;
  const what = `manifest ${path}@${tagOrDigest}`;
  const read = async (): Promise<ManifestDocument> => {
    const response = await session.requestOnce({
      method: "GET",
      target: `/v2/${path}/manifests/${tagOrDigest}`,
      headers: { Accept: MANIFEST_ACCEPT },
      signal,
      ...(isDigest(tagOrDigest) ? {} : { namedMethod: "HEAD" as const }),
    });
    const raw = await response.bytes(Math.min(wanted.size ?? MAX_MANIFEST_BYTES, MAX_MANIFEST_BYTES), what);
    if (wanted.size !== undefined && raw.length !== wanted.size) throw sizeMismatch(what, wanted.size, raw.length);
    const contentType = headerOf(response.headers, "content-type")?.split(";")[0]?.trim();
    // The digest of a schema 1 manifest does not cover its signatures; it is refused by its media type anyway.
    if (contentType?.startsWith("application/vnd.docker.distribution.manifest.v1+") !== true)
      verify(raw, isDigest(tagOrDigest) ? tagOrDigest : headerOf(response.headers, "docker-content-digest"));
    return parseManifest(raw, contentType);
  };
  return await session.retrying(read, signal);
}

function verify(raw: Uint8Array, expected: string | undefined): void {
  if (expected === undefined || !isDigest(expected) || matches(raw, expected)) return;
  throw new EngineError("data_loss", ErrorCode.DIGEST_MISMATCH, `manifest verification failed for digest ${expected}`, {
    details: { expected },
  });
}

/** True if the bytes hash to the digest. */
export function matches(raw: Uint8Array, digest: Digest): boolean {
  const algorithm = algorithmOf(digest);
  return `${algorithm}:${hash(algorithm, raw, "hex")}` === digest;
}

/** The descriptor said another size than what came. */
export function sizeMismatch(what: string, expected: number, actual: number): EngineError {
  return new EngineError("data_loss", ErrorCode.SIZE_MISMATCH, `${what}: expected ${expected} bytes, got ${actual}`, {
    details: { expected, actual },
  });
}

/** Headers of a HEAD → descriptor; undefined when the registry tells too little. */
export function descriptorOf(headers: Readonly<Record<string, unknown>>): Descriptor | undefined {
  const [digest, mediaType, length] = [
    headers["docker-content-digest"],
    headers["content-type"],
    headers["content-length"],
  ];
  const size = Number(length);
  if (typeof digest !== "string" || !isDigest(digest) || typeof mediaType !== "string" || !Number.isSafeInteger(size))
    return undefined;
  return { mediaType: mediaType.split(";")[0]?.trim() ?? mediaType, digest, size };
}
