import type { BlobReader } from "#content";
import { isNotFound, hasCode, ErrorCode } from "#errors";
import { MAX_CONFIG_BYTES, parseImageConfig } from "#oci";
import type { Digest, ImageConfig } from "#oci";

/** An image config beside its bytes. */
export interface StoredConfig {
  readonly config: ImageConfig;
  readonly raw: Uint8Array;
}

const KEPT = 256;
const caches = new WeakMap<BlobReader, Map<Digest, StoredConfig>>();

function cacheOf(content: BlobReader): Map<Digest, StoredConfig> {
  const known = caches.get(content);
  if (known !== undefined) return known;
  const fresh = new Map<Digest, StoredConfig>();
  caches.set(content, fresh);
  return fresh;
}

/** The config of an image that is here. The last 256 stay parsed: a listing reads no file twice. @throws {not_found} */
export async function readConfig(content: BlobReader, imageId: Digest): Promise<StoredConfig> {
  const cache = cacheOf(content);
  const known = cache.get(imageId);
  if (known !== undefined) {
    cache.delete(imageId);
    cache.set(imageId, known);
    return known;
  }
  const raw = await content.read(imageId, MAX_CONFIG_BYTES);
  const stored: StoredConfig = { raw, config: parseImageConfig(raw) };
  cache.set(imageId, stored);
  if (cache.size > KEPT) {
    const oldest = cache.keys().next().value;
    if (oldest !== undefined) cache.delete(oldest);
  }
  return stored;
}

/**
 * As {@link readConfig}, for acts on many images or on broken ones: undefined when the blob is gone or damaged, so that
 * such an image can still be seen and removed.
 */
export async function findConfig(content: BlobReader, imageId: Digest): Promise<ImageConfig | undefined> {
  try {
    return (await readConfig(content, imageId)).config;
  } catch (error) {
    if (isNotFound(error) || hasCode(error, ErrorCode.DIGEST_MISMATCH)) return undefined;
    throw error;
  }
}
