import { parseDiffId } from "#oci";
import type { Descriptor, Digest, Reference } from "#oci";
import type { RegistryClient } from "#remote";
import type { ImageContext } from "../context.ts";
import type { LayerProgress } from "../layerProgress.ts";
import type { StreamedUpload } from "./streamedUpload.ts";

type Repository = ReturnType<RegistryClient["repository"]>;

type SentBlob = Pick<Descriptor, "digest" | "size">;

interface StreamedRequest {
  readonly lines: LayerProgress;
  readonly signal: AbortSignal;
}

/** More candidates cost a request each, and the first is right nearly always. */
const MAX_MOUNT_TRIES = 3;

/** The repository that is pushed to, and what is known of it already. One per push. */
export class PushTarget {
  readonly repository: Repository;
  readonly #context: ImageContext;
  readonly #reference: Reference;
  readonly #signal: AbortSignal | undefined;
  readonly #known = new Map<Digest, Promise<string | undefined>>();
  readonly #sent = new Map<Digest, Promise<string>>();

  constructor(
    context: ImageContext,
    reference: Reference,
    options: { readonly repository: Repository; readonly signal: AbortSignal | undefined },
  ) {
    this.repository = options.repository;
    this.#context = context;
    this.#reference = reference;
    this.#signal = options.signal;
  }

  /** Docker's line if the blob is there now, found or mounted; undefined when it must be sent. Asks once for each blob. */
  present(digest: Digest): Promise<string | undefined> {
    const known = this.#known.get(digest) ?? this.#look(digest);
    this.#known.set(digest, known);
    return known;
  }

  /** Sends a blob of the content store unless it is there; once, though two layers be the same blob. */
  async send(blob: SentBlob, lines: LayerProgress, signal?: AbortSignal): Promise<void> {
    const sending = this.#sent.get(blob.digest) ?? this.#deliver(blob, lines, signal ?? this.#signal);
    this.#sent.set(blob.digest, sending);
    lines.status(await sending);
  }

  /** As {@link send}, of a blob that is on its way while it was made. */
  async sendStreamed(blob: SentBlob, upload: StreamedUpload, request: StreamedRequest): Promise<void> {
    const sending = this.#sent.get(blob.digest) ?? this.#settle(blob, upload, request);
    this.#sent.set(blob.digest, sending);
    await sending;
  }

  async #settle(blob: SentBlob, upload: StreamedUpload, { lines, signal }: StreamedRequest): Promise<string> {
    // Asked before the upload can end: what is still to be sent over a slow line may be there already.
    const isNew = (await this.present(blob.digest)) === undefined;
    if (!isNew || !(await upload.finish(blob.digest))) return await this.#deliver(blob, lines, signal);
    this.#remember(blob.digest);
    return "Pushed";
  }

  async #deliver(blob: SentBlob, lines: LayerProgress, signal: AbortSignal | undefined): Promise<string> {
    const found = await this.present(blob.digest);
    if (found === undefined) await this.#upload(blob, lines, signal);
    this.#remember(blob.digest);
    return found ?? "Pushed";
  }

  #remember(digest: Digest): void {
    const { domain, path } = this.#reference;
    this.#context.metadata.layers.putSource({ digest, domain, path });
  }

  async #look(digest: Digest): Promise<string | undefined> {
    if (await this.repository.hasBlob(digest, this.#request())) return "Layer already exists";
    const { domain, path } = this.#reference;
    const others = this.#context.metadata.layers
      .sources(digest)
      .filter((source) => source.domain === domain && source.path !== path);
    for (const source of others.slice(0, MAX_MOUNT_TRIES))
      if (await this.repository.mountBlob(digest, source.path, this.#request())) return `Mounted from ${source.path}`;
    return undefined;
  }

  async #upload({ digest, size }: SentBlob, lines: LayerProgress, signal: AbortSignal | undefined): Promise<void> {
    const request = signal === undefined ? {} : { signal };
    await this.repository.uploadBlob(
      {
        digest,
        size,
        open: () => this.#open(digest, request),
        onProgress: (sent) => lines.bytes("Pushing", sent, size),
      },
      request,
    );
  }

  /** A plain tar is no blob: it is read out of its layer. */
  #open(digest: Digest, request: { readonly signal?: AbortSignal }): AsyncIterable<Uint8Array> {
    const diffId = parseDiffId(digest);
    const { layers, content } = this.#context;
    return layers.get(diffId) === undefined ? content.stream(digest, request) : layers.readTar(diffId, request);
  }

  #request(): { readonly signal?: AbortSignal } {
    return this.#signal === undefined ? {} : { signal: this.#signal };
  }
}
