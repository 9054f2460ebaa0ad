import { EngineError, ErrorCode } from "#errors";

// An import would load it with each start of the command, which mostly has nothing to hash: 8 ms.
let hash: typeof import("node:crypto").hash | undefined;

declare const brand: unique symbol;
/** Hash of stored (for layers: usually compressed) bytes, e.g. `sha256:9f86…` (OCI image-spec 1.1, descriptor.md#digests). */
export type Digest = string & { readonly [brand]: "Digest" };
/** Hash of a layer's uncompressed tar (image-spec 1.1, config.md#layer-diffid). */
export type DiffId = string & { readonly [brand]: "DiffId" };
/** Hash that names a stack of layers, base first (image-spec 1.1, config.md#layer-chainid). */
export type ChainId = string & { readonly [brand]: "ChainId" };

const SHA256 = /^sha256:[0-9a-f]{64}$/;
const SHA512 = /^sha512:[0-9a-f]{128}$/;

function check(text: string): string {
  if (SHA256.test(text) || SHA512.test(text)) return text;
  throw new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_DIGEST,
    `invalid digest: ${JSON.stringify(text.slice(0, 140))}`,
  );
}

/** True if the text is a whole `sha256:…` or `sha512:…` digest. */
export function isDigest(text: string): text is Digest {
  return SHA256.test(text) || SHA512.test(text);
}

/** @throws {invalid_argument} when the text is not `sha256:<64 hex>` or `sha512:<128 hex>`. */
export function parseDigest(text: string): Digest {
  return check(text) as Digest;
}

/** @throws {invalid_argument} as {@link parseDigest}. */
export function parseDiffId(text: string): DiffId {
  return check(text) as DiffId;
}

/** @throws {invalid_argument} as {@link parseDigest}. */
export function parseChainId(text: string): ChainId {
  return check(text) as ChainId;
}

/** The sha256 digest of bytes that are all in memory. */
export function digestOf(bytes: Uint8Array | string): Digest {
  hash ??= process.getBuiltinModule("node:crypto").hash;
  return `sha256:${hash("sha256", bytes, "hex")}` as Digest;
}

/** `sha256:9f…` → `9f…`. */
export function hexOf(digest: Digest | DiffId | ChainId): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** The algorithm of a digest. */
export function algorithmOf(digest: Digest | DiffId | ChainId): "sha256" | "sha512" {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** chainIDs of every prefix of a stack of layers, base first; result[i] names layers 0…i. */
export function chainIdsOf(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(parseChainId(below === undefined ? diffId : digestOf(`${below} ${diffId}`)));
  }
  return chain;
}

/** chainID of the whole stack (base first); undefined for an image without layers. */
export function chainIdOf(diffIds: readonly DiffId[]): ChainId | undefined {
  return chainIdsOf(diffIds).at(-1);
}
