import type { BlobIngester, BlobReader } from "#content";
import type { ImageBuilding } from "#images";
import type { LayerIngests, LayerReads } from "#layers";
import type { Metadata } from "#metadata";
import type { RegistryClient } from "#remote";

/** What exporters work with. */
export interface ExporterRooms {
  readonly images: ImageBuilding;
  readonly content: BlobReader & BlobIngester;
  readonly layers: LayerReads & LayerIngests;
  readonly metadata: Metadata;
  readonly remote: RegistryClient;
}
