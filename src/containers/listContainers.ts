import type { ImageCatalog } from "#images";
import type { LayerReads } from "#layers";
import type { Metadata } from "#metadata";
import type { DiffId, Digest } from "#oci";
import type { SandboxService } from "#networks";
import type { Snapshotter } from "#snapshots";
import type { Container } from "./container.ts";
import type { ContainerIndex } from "./containerIndex.ts";
import type { ListOptions } from "./containerService.ts";
import { compileFilters, wantsStopped } from "./view/filterContainers.ts";
import { listRow } from "./view/listRow.ts";
import type { ContainerSizes } from "./view/listRow.ts";

interface Stores {
  readonly metadata: Metadata;
  readonly images: ImageCatalog;
  readonly layers: LayerReads;
  readonly snapshots: Snapshotter;
  readonly sandboxes: SandboxService;
}

/** The name it was created by, or the ID when that name has moved on. */
async function imageName({ document }: Container, images: ImageCatalog): Promise<string> {
  const { config, imageId } = document;
  try {
    return (await images.isNamed(config.Image, imageId)) ? config.Image : imageId;
  } catch {
    return imageId; // untagged or removed by force
  }
}

function diffIdsOf(imageId: Digest | "", { metadata }: Pick<Stores, "metadata">): readonly DiffId[] {
  return imageId === "" ? [] : (metadata.images.getContent(imageId)?.diffIds ?? []);
}

/** Bytes of a container's top and of all below it. */
export async function sizesOf(
  { id, document }: Container,
  stores: Pick<Stores, "metadata" | "layers" | "snapshots">,
): Promise<ContainerSizes> {
  const { layers, snapshots } = stores;
  const image = diffIdsOf(document.imageId, stores).reduce(
    (sum, diffId) => sum + (layers.get(diffId)?.contentBytes ?? 0),
    0,
  );
  const { bytes } = await snapshots.usage(id);
  return { rw: bytes, rootFs: image + bytes };
}

/** Walks a few trees at a time: a hundred at once would keep everything else from the disk. */
const WALKERS = 4;

async function measure(containers: readonly Container[], stores: Stores): Promise<ReadonlyMap<string, ContainerSizes>> {
  const sizes = new Map<string, ContainerSizes>();
  const queue = containers.values();
  const walk = async (): Promise<void> => {
    for (const container of queue) sizes.set(container.id, await sizesOf(container, stores));
  };
  await Promise.all(Array.from({ length: WALKERS }, walk));
  return sizes;
}

/** Rows of `GET /containers/json`, newest first. */
export async function listContainers(
  index: ContainerIndex,
  options: ListOptions,
  stores: Stores,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { all, limit, filters, size } = options;
  const matches = await compileFilters(filters, {
    findContainer: (reference) => index.get(reference),
    findImage: (name) => stores.images.lookup(name),
    diffIdsOf: (imageId) => diffIdsOf(imageId, stores),
    portsOf: (id) => stores.sandboxes.ports(id),
    networksOf: (id) => stores.sandboxes.settings(id).Networks,
  });
  const stopped = all || limit !== undefined || wantsStopped(filters);
  const chosen = index
    .newestFirst()
    .filter((container) => stopped || container.isActive)
    .filter(matches)
    .slice(0, limit);
  const sizes = size === true ? await measure(chosen, stores) : undefined;
  return Promise.all(
    chosen.map(async (container) =>
      listRow(container, {
        image: await imageName(container, stores.images),
        linkNames: index.linkNames(container),
        sizes: sizes?.get(container.id),
        ports: stores.sandboxes.ports(container.id),
        networks: stores.sandboxes.settings(container.id).Networks,
      }),
    ),
  );
}
