/** A data root in small for GC tests: real metadata and content, layers and snapshots as sets behind GC's own interfaces. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openContentStore } from "#content";
import type { ContentStore } from "#content";
import { createCollector } from "#gc";
import type { CollectorOptions, GarbageCollector } from "#gc";
import { openMetadata } from "#metadata";
import type { LeaseResource, Metadata } from "#metadata";
import { chainIdsOf, digestOf, MediaType, parseDiffId } from "#oci";
import type { Descriptor, Digest, DiffId } from "#oci";

/** An image that can be pulled: a manifest, a config and layers, all bytes known. */
export interface Sample {
  readonly reference: string;
  readonly imageId: Digest;
  readonly manifest: Descriptor;
  readonly diffIds: readonly DiffId[];
  /** Every blob: layers, config, manifest last. */
  readonly blobs: readonly Uint8Array[];
}

function descriptor(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}

export function sample(reference: string, layers: readonly number[]): Sample {
  const layerBlobs = layers.map((layer) => Buffer.from(`gzip of layer ${layer}`));
  const diffIds = layers.map((layer) => parseDiffId(digestOf(`layer ${layer}`)));
  const config = Buffer.from(JSON.stringify({ reference, rootfs: { type: "layers", diff_ids: diffIds } }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.OCI_MANIFEST,
      config: descriptor(MediaType.OCI_CONFIG, config),
      layers: layerBlobs.map((bytes) => descriptor(MediaType.OCI_LAYER_GZIP, bytes)),
    }),
  );
  return {
    reference,
    imageId: digestOf(config),
    manifest: descriptor(MediaType.OCI_MANIFEST, manifest),
    diffIds,
    blobs: [...layerBlobs, config, manifest],
  };
}

/** Lets another operation run in between; the property test puts its scheduler here. */
export type Pause = () => Promise<void>;

export class GcWorld implements AsyncDisposable {
  readonly metadata: Metadata;
  readonly content: ContentStore;
  readonly layers: Set<DiffId> = new Set();
  readonly collector: GarbageCollector;
  readonly warnings: string[] = [];
  readonly #root: string;
  readonly #pause: Pause;

  private constructor(root: string, metadata: Metadata, content: ContentStore, pause: Pause) {
    this.#root = root;
    this.metadata = metadata;
    this.content = content;
    this.#pause = pause;
    this.collector = createCollector(this.#collectorOptions());
  }

  static async open(pause: Pause = async () => {}): Promise<GcWorld> {
    const root = await mkdtemp(join(tmpdir(), "varve-gc-"));
    return new GcWorld(
      root,
      openMetadata(join(root, "varve.db")),
      await openContentStore({ root: join(root, "content") }),
      pause,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.collector[Symbol.asyncDispose]();
    await this.content[Symbol.asyncDispose]();
    this.metadata[Symbol.dispose]();
    await rm(this.#root, { recursive: true, force: true });
  }

  /** A pull that keeps the lease rule, pausing between all steps. */
  async pull(image: Sample): Promise<void> {
    const { images, leases, layers, snapshots } = this.metadata;
    const lease = leases.create({ purpose: `pull ${image.reference}` });
    const hold = (resource: LeaseResource): void => leases.add(lease.id, resource);
    for (const bytes of image.blobs) {
      hold({ kind: "blob", name: digestOf(bytes) });
      await this.#pause();
      if ((await this.content.info(digestOf(bytes))) === undefined) await this.content.put(bytes);
      await this.#pause();
    }
    const chainIds = chainIdsOf(image.diffIds);
    for (const [index, diffId] of image.diffIds.entries()) {
      hold({ kind: "layer", name: diffId });
      await this.#pause();
      this.layers.add(diffId);
      const blob = image.blobs[index] ?? Buffer.alloc(0);
      layers.putCompressed({ diffId, compression: "gzip", blob: { digest: digestOf(blob), size: blob.byteLength } });
      await this.#pause();
      const name = chainIds[index] ?? "";
      hold({ kind: "snapshot", name });
      await this.#pause();
      const parent = chainIds[index - 1];
      snapshots.put({ name, kind: "committed", parent, id: name, diffId, createdAt: 1 });
    }
    const { reference, manifest, imageId, diffIds } = image;
    this.metadata.transaction(() => {
      images.putContent({ imageId, manifest, chainId: chainIds.at(-1), diffIds, lastTaggedAt: 1, createdAt: 1 });
      images.put({ reference, target: manifest, imageId, createdAt: 1, updatedAt: 1 });
    });
    leases.delete(lease.id);
  }

  remove(image: Sample): void {
    this.metadata.images.remove(image.reference);
    this.metadata.images.removeContent(image.imageId);
  }

  /** A container of the image if it is here; its top is named before it is made, in one step with the look-up. */
  run(id: string, image: Sample): void {
    if (this.metadata.images.getContent(image.imageId) === undefined) return;
    const parent = chainIdsOf(image.diffIds).at(-1);
    this.metadata.containers.put({ id, name: id, imageId: image.imageId, document: "{}" });
    this.metadata.snapshots.put({ name: id, kind: "active", parent, id, diffId: undefined, createdAt: 1 });
  }

  async blobs(): Promise<ReadonlySet<Digest>> {
    return new Set((await Array.fromAsync(this.content.list())).map((info) => info.digest));
  }

  snapshots(): ReadonlySet<string> {
    return new Set(this.metadata.snapshots.list().map((snapshot) => snapshot.name));
  }

  #collectorOptions(): CollectorOptions {
    const { metadata, content } = this;
    const pause = this.#pause;
    return {
      metadata,
      content: {
        info: (digest) => content.info(digest),
        path: (digest) => content.path(digest),
        stream: (digest, options) => content.stream(digest, options),
        listIngests: () => content.listIngests(),
        removeIngest: (ref) => content.removeIngest(ref),
        read: (digest, maxBytes) => pause().then(() => content.read(digest, maxBytes)),
        remove: (digest) => content.remove(digest).then(pause),
        list: async function* () {
          for await (const info of content.list()) {
            await pause();
            yield info;
          }
        },
      },
      layers: {
        list: () => pause().then(() => Array.from(this.layers, (diffId) => ({ diffId, fileBytes: 10 }))),
        remove: (diffId) => {
          this.layers.delete(diffId);
          return pause();
        },
      },
      snapshots: {
        list: () => pause().then(() => metadata.snapshots.list()),
        remove: (name) => {
          metadata.snapshots.remove(name);
          return pause();
        },
      },
      log: { warn: (message) => void this.warnings.push(message) },
      delayMs: 1,
    };
  }
}
