import { takeLease } from "#metadata";
import type { ActLease, Metadata } from "#metadata";
import { chainIdOf } from "#oci";
import type { ChainId, DiffId } from "#oci";
import type { MountedRootfs, Snapshotter } from "#snapshots";

interface StackMount {
  /** Base first. */
  readonly diffIds: readonly DiffId[];
  readonly readOnly: boolean;
  /** Unmounts and removes it. */
  readonly cleanup: AsyncDisposableStack;
}

/** Stacks of layers, mounted for a step. */
export class StepStacks {
  readonly #snapshots: Snapshotter;
  readonly #metadata: Metadata;

  constructor(snapshots: Snapshotter, metadata: Metadata) {
    this.#snapshots = snapshots;
    this.#metadata = metadata;
  }

  /** Mounts a stack under a name of the caller's; what is written is never flushed. */
  async mount(key: string, { diffIds, readOnly, cleanup }: StackMount): Promise<MountedRootfs> {
    const lease = cleanup.use(takeLease(this.#metadata, `step ${key}`));
    const parent = await this.#commit(diffIds, lease);
    lease.add({ kind: "snapshot", name: key });
    cleanup.defer(() => this.drop(key));
    await (readOnly ? this.#snapshots.view(key, parent) : this.#snapshots.prepare(key, parent));
    return this.#snapshots.mount(key, { volatile: true });
  }

  /** Idempotent. */
  async drop(key: string): Promise<void> {
    await this.#snapshots.unmount(key);
    await this.#snapshots.remove(key);
  }

  /** What of the chain is not there yet. */
  async #commit(diffIds: readonly DiffId[], lease: ActLease): Promise<ChainId | undefined> {
    const top = chainIdOf(diffIds);
    if (top === undefined) return undefined;
    lease.add({ kind: "snapshot", name: top });
    let there = diffIds.length;
    while (there > 0 && !(await this.#isThere(diffIds.slice(0, there)))) there -= 1;
    let parent = chainIdOf(diffIds.slice(0, there));
    for (const diffId of diffIds.slice(there)) {
      parent = await this.#snapshots.commitLayer(diffId, parent);
      lease.add({ kind: "snapshot", name: parent });
    }
    return top;
  }

  async #isThere(diffIds: readonly DiffId[]): Promise<boolean> {
    const name = chainIdOf(diffIds);
    return name !== undefined && (await this.#snapshots.stat(name)) !== undefined;
  }
}
