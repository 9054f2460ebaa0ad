import type { Digest } from "#oci";
import type { RegistryClient } from "#remote";
import type { LayerProgress } from "../layerProgress.ts";
import { cancelled } from "../pull/slots.ts";
import type { GrowingBlob } from "./growingBlob.ts";

export interface StreamedUploadOptions {
  readonly repository: ReturnType<RegistryClient["repository"]>;
  readonly blob: GrowingBlob;
  /** Of the whole tar: how large the blob will be nobody knows. */
  readonly tarBytes: number;
  readonly lines: LayerProgress;
  readonly signal: AbortSignal;
}

/** A blob that is sent while it is made. Its failure is no failure of the push: the blob is sent once more when it is whole. */
export class StreamedUpload {
  readonly #digest: PromiseWithResolvers<Digest> = Promise.withResolvers();
  readonly #giveUp: AbortController = new AbortController();
  readonly #arrived: Promise<boolean>;

  constructor(options: StreamedUploadOptions) {
    this.#digest.promise.catch(() => undefined); // nobody asks when the upload ended before
    this.#arrived = this.#send(options, AbortSignal.any([options.signal, this.#giveUp.signal])).then(
      () => true,
      () => false,
    );
  }

  async #send({ repository, blob, tarBytes, lines }: StreamedUploadOptions, signal: AbortSignal): Promise<void> {
    // A layer may wait for its turn to be compressed, a registry should not wait for a layer.
    await blob.begun(signal);
    await repository.uploadBlob(
      {
        digest: () => this.#digest.promise,
        size: undefined,
        open: (offset) => blob.read(offset, signal),
        onProgress: (sent) => lines.bytes("Pushing", blob.tarBytes(sent), tarBytes),
      },
      { signal },
    );
  }

  /** Whether the registry has the blob now. */
  async finish(digest: Digest): Promise<boolean> {
    this.#digest.resolve(digest);
    return await this.#arrived;
  }

  /** Ends it, and waits until it is over. */
  async abandon(): Promise<void> {
    this.#digest.reject(cancelled(undefined));
    this.#giveUp.abort();
    await this.#arrived;
  }
}
