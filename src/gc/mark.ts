import type { Metadata } from "#metadata";
import { chainIdsOf } from "#oci";
import type { Descriptor } from "#oci";
import type { Living } from "./living.ts";
import type { ManifestGraph } from "./manifestGraph.ts";

/**
 * Marks, in one synchronous step, all that records and leases name, and returns the manifests that are to be followed.
 * After it, whatever becomes needed is told by a lease (the caller watches them from before this call).
 */
export function markRoots(metadata: Metadata, living: Living): readonly Descriptor[] {
  return metadata.transaction(() => {
    for (const resource of metadata.leases.resources()) living.addLeased(resource);
    for (const container of metadata.containers.list()) {
      living.addSnapshot(container.id);
      if (container.imageId !== "") living.blobs.add(container.imageId);
    }
    for (const step of metadata.buildSteps.list()) {
      for (const diffId of step.diffIds) living.addLayer(diffId);
    }
    const contents = metadata.images.listContent();
    for (const content of contents) {
      living.blobs.add(content.imageId);
      for (const diffId of content.diffIds) living.addLayer(diffId);
      for (const chainId of chainIdsOf(content.diffIds)) living.addSnapshot(chainId);
    }
    return [...metadata.images.list().map((image) => image.target), ...contents.map((content) => content.manifest)];
  });
}

/** Marks what the manifests name, through indexes. */
export async function markManifests(
  roots: readonly Descriptor[],
  living: Living,
  graph: ManifestGraph,
  signal?: AbortSignal,
): Promise<void> {
  const followed = new Set<string>();
  const waiting = [...roots];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    signal?.throwIfAborted();
    living.blobs.add(next.digest);
    living.addPlainLayer(next.digest);
    if (followed.has(next.digest)) continue;
    followed.add(next.digest);
    waiting.push(...(await graph.children(next)));
  }
}
