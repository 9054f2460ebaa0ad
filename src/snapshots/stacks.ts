import { EngineError, ErrorCode } from "#errors";
import type { LayerReads } from "#layers";
import type { SnapshotRecord, SnapshotRecords } from "#metadata";
import type { ChainId, DiffId } from "#oci";
import type { CommittedLayer, LayerDirectory, LayerDriver } from "./driver.ts";
import type { KeyedLock } from "#host";

export interface StacksOptions {
  readonly driver: LayerDriver;
  readonly records: SnapshotRecords;
  readonly layers: LayerReads;
  /** One attach at a time for each layer, and none while it is made or removed. */
  readonly locks: KeyedLock;
}

/** fs/overlayfs/params.h, OVL_MAX_STACK */
const MAX_LAYERS = 500;

/** A committed layer with its name. */
interface NamedLayer extends CommittedLayer {
  readonly name: string;
}

/** Chains of committed snapshots, and their directories. */
export class Stacks {
  readonly #driver: LayerDriver;
  readonly #records: SnapshotRecords;
  readonly #layers: LayerReads;
  readonly #locks: KeyedLock;

  constructor(options: StacksOptions) {
    this.#driver = options.driver;
    this.#records = options.records;
    this.#layers = options.layers;
    this.#locks = options.locks;
  }

  /** The chain's ids, top first. @throws {not_found} SNAPSHOT_NOT_FOUND */
  idsOf(top: ChainId | undefined): readonly string[] {
    return this.#chain(top).map(({ id }) => id);
  }

  /** The chain's diffIDs, base first. @throws {not_found} SNAPSHOT_NOT_FOUND */
  diffIdsOf(top: ChainId | undefined): readonly DiffId[] {
    return this.#chain(top).map(diffIdOf).reverse();
  }

  /** Lower directories for an overlay, top first, all readable. @throws {resource_exhausted} TOO_MANY_LAYERS */
  async attach(top: ChainId | undefined): Promise<readonly LayerDirectory[]> {
    const directories: LayerDirectory[] = [];
    for (const layer of this.#stackable(top)) directories.push(...(await this.#attach(layer)));
    return directories;
  }

  /**
   * The directory whose attributes the root of the stack has: the topmost layer whose tar names its root. undefined for
   * no layers.
   */
  async rootSource(top: ChainId | undefined): Promise<string | undefined> {
    const layers = this.#stackable(top);
    const named = layers.find(({ diffId }) => this.#layers.get(diffId)?.impliedDirectories.includes("") === false);
    const source = named ?? layers[0];
    if (source === undefined) return undefined;
    return (await this.#attach(source)).at(-1)?.path;
  }

  #attach(layer: NamedLayer): Promise<readonly LayerDirectory[]> {
    return this.#locks.run(layer.name, async () => {
      if (this.#records.get(layer.name)?.id !== layer.id) throw noSnapshot(layer.name);
      return this.#driver.attach(layer);
    });
  }

  /** A layer that comes twice changes nothing the second time from the top, and overlayfs would refuse it. */
  #stackable(top: ChainId | undefined): readonly NamedLayer[] {
    const chain = this.#chain(top);
    const diffIds = chain.map(diffIdOf).reverse();
    const seen = new Set<DiffId>();
    const layers: NamedLayer[] = [];
    for (const [index, record] of chain.entries()) {
      const diffId = diffIdOf(record);
      if (seen.has(diffId)) continue;
      seen.add(diffId);
      const below = diffIds.slice(0, chain.length - 1 - index);
      layers.push({ name: record.name, id: record.id, diffId, below });
    }
    if (layers.length <= MAX_LAYERS) return layers;
    const message = `an image of ${layers.length} layers cannot be mounted: overlayfs stacks at most ${MAX_LAYERS}`;
    throw new EngineError("resource_exhausted", ErrorCode.TOO_MANY_LAYERS, message);
  }

  #chain(top: ChainId | undefined): readonly SnapshotRecord[] {
    const chain: SnapshotRecord[] = [];
    for (let name = top; name !== undefined; ) {
      const record = this.#records.get(name);
      if (record === undefined) throw noSnapshot(name);
      chain.push(record);
      name = record.parent;
    }
    return chain;
  }
}

export function noSnapshot(name: string): EngineError {
  return new EngineError("not_found", ErrorCode.SNAPSHOT_NOT_FOUND, `snapshot ${name} does not exist`);
}

/** Only committed snapshots are parents, and all of them have a layer. */
function diffIdOf({ name, diffId }: SnapshotRecord): DiffId {
  if (diffId === undefined) throw new Error(`snapshot ${name} has no layer`);
  return diffId;
}
