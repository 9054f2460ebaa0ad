import type { ImageCatalog } from "#images";
import type { LeaseRecords } from "#metadata";
import type { BorrowedTop, Snapshotter } from "#snapshots";
import type { MountPoint } from "./mountPoint.ts";

/** What image mounts need of the daemon. */
interface ImageMountContext {
  readonly images: ImageCatalog;
  readonly snapshots: Snapshotter;
  readonly leases: LeaseRecords;
}

const PURPOSE = "image mounts of container ";

/**
 * Images as read-only mounts in containers: a view of the image's stack for each. A lease keeps the views from GC as long as
 * the container is there.
 */
export class ImageMounts {
  readonly #context: ImageMountContext;

  constructor(context: ImageMountContext) {
    this.#context = context;
  }

  /** @throws {not_found} `No such image: x` */
  async make(container: string, number: number, point: MountPoint): Promise<MountPoint> {
    const { images, snapshots, leases } = this.#context;
    const name = point.name ?? "";
    const { imageId, chainId } = await images.lookup(name);
    const snapshot = `${container}-image-${number}`;
    const { id } = leases.create({ purpose: PURPOSE + container });
    leases.add(id, { kind: "snapshot", name: snapshot });
    if (chainId !== undefined) leases.add(id, { kind: "snapshot", name: chainId });
    await snapshots.view(snapshot, chainId);
    const { MergedDir } = await snapshots.graphDriverData(snapshot);
    return { ...point, source: MergedDir, snapshot, imageId };
  }

  /** The image's root. */
  async mount({ snapshot = "" }: MountPoint): Promise<string> {
    return (await this.#context.snapshots.mount(snapshot)).path;
  }

  /** The image's root for who looks at it only; given back by disposal. */
  borrow({ snapshot = "" }: MountPoint): Promise<BorrowedTop> {
    return this.#context.snapshots.borrow(snapshot);
  }

  async unmount(points: readonly MountPoint[]): Promise<void> {
    for (const { snapshot } of points) if (snapshot !== undefined) await this.#context.snapshots.unmount(snapshot);
  }

  /** Lets the views of a container go. Idempotent. */
  async remove(container: string): Promise<void> {
    const { snapshots, leases } = this.#context;
    const own = snapshots.list().filter(({ name }) => name.startsWith(`${container}-image-`));
    for (const { name } of own) {
      await snapshots.unmount(name);
      await snapshots.remove(name);
    }
    for (const { id, purpose } of leases.list()) if (purpose === PURPOSE + container) leases.delete(id);
  }

  /** Lets go what was made for others than these. */
  async sweep(containers: ReadonlySet<string>): Promise<void> {
    for (const { purpose } of this.#context.leases.list()) {
      if (!purpose.startsWith(PURPOSE)) continue;
      const container = purpose.slice(PURPOSE.length);
      if (!containers.has(container)) await this.remove(container);
    }
  }
}
