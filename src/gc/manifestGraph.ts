import type { BlobReader } from "#content";
import { isNotFound } from "#errors";
import { isIndexMediaType, isManifestMediaType, MAX_MANIFEST_BYTES, parseManifest } from "#oci";
import type { Descriptor, Digest } from "#oci";

/** Which blobs a manifest or index names. Content never changes under its digest, so what was read once is kept. */
export class ManifestGraph {
  readonly #content: BlobReader;
  #children = new Map<Digest, readonly Descriptor[]>();

  constructor(content: BlobReader) {
    this.#content = content;
  }

  /** Empty for a leaf and for what is not here. @throws {data_loss}, {invalid_argument} when the stored bytes are damaged. */
  async children(descriptor: Descriptor): Promise<readonly Descriptor[]> {
    const { digest, mediaType } = descriptor;
    if (!isIndexMediaType(mediaType) && !isManifestMediaType(mediaType)) return [];
    const known = this.#children.get(digest);
    if (known !== undefined) return (await this.#content.info(digest)) === undefined ? [] : known;
    const raw = await this.#read(digest);
    if (raw === undefined) return [];
    const document = parseManifest(raw, mediaType);
    const named =
      document.kind === "index" ? document.value.manifests : [document.value.config, ...document.value.layers];
    this.#children.set(digest, named);
    return named;
  }

  /** Forgets what is not among the living. */
  retain(living: ReadonlySet<Digest>): void {
    this.#children = new Map(Array.from(this.#children).filter(([digest]) => living.has(digest)));
  }

  async #read(digest: Digest): Promise<Uint8Array | undefined> {
    try {
      return await this.#content.read(digest, MAX_MANIFEST_BYTES);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
