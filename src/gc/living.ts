import type { LeaseResource, Metadata } from "#metadata";
import { parseDiffId } from "#oci";
import type { DiffId, Digest } from "#oci";

/** The set of what lives, by kind. Leases that are added during a run grow it while the sweep looks at it. */
export class Living {
  readonly blobs: Set<Digest> = new Set();
  readonly layers: Set<DiffId> = new Set();
  readonly snapshots: Set<string> = new Set();
  readonly ingests: Set<string> = new Set();
  readonly #metadata: Metadata;

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  /** A lease keeps just what it names, except that a snapshot needs its parents. */
  addLeased(resource: LeaseResource): void {
    switch (resource.kind) {
      case "blob":
        this.blobs.add(resource.name);
        return;
      case "layer":
        this.addLayer(resource.name);
        return;
      case "snapshot":
        this.addSnapshot(resource.name);
        return;
      case "ingest":
        this.ingests.add(resource.name);
    }
  }

  /** With its remembered compressed forms: a push must send the same digests again. */
  addLayer(diffId: DiffId): void {
    if (this.layers.has(diffId)) return;
    this.layers.add(diffId);
    for (const { blob } of this.#metadata.layers.getCompressed(diffId)) this.blobs.add(blob.digest);
  }

  /** A manifest that names a plain tar names the layer itself: there is no blob of it. */
  addPlainLayer(digest: Digest): void {
    const diffId = parseDiffId(digest);
    if (this.#metadata.layers.get(diffId) !== undefined) this.addLayer(diffId);
  }

  /** With all its parents and their layers. */
  addSnapshot(name: string): void {
    let current: string | undefined = name;
    while (current !== undefined && !this.snapshots.has(current)) {
      this.snapshots.add(current);
      const row = this.#metadata.snapshots.get(current);
      if (row?.diffId !== undefined) this.addLayer(row.diffId);
      current = row?.parent;
    }
  }
}
