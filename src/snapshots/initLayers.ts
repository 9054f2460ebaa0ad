import { createHash } from "node:crypto";
import type { SnapshotRecords } from "#metadata";
import type { ChainId } from "#oci";
import { copyDirectoryAttributes } from "./attributes.ts";
import { initOf } from "./directories.ts";
import type { SnapshotDirectories } from "./directories.ts";
import { fillInitLayer } from "./initLayer.ts";
import { KeyedLock } from "#host";
import type { InitEntry } from "./snapshotter.ts";
import type { Stacks } from "./stacks.ts";

export interface InitLayersOptions {
  readonly directories: SnapshotDirectories;
  readonly stacks: Stacks;
  readonly records: SnapshotRecords;
}

const HASH_LENGTH = 8;
const SHARED_NAME = /^(.+)-[0-9a-f]{8}-init$/;

/**
 * Init layers are the same for all tops on one chain that want the same entries: the first top makes one, which lives as
 * long as the chain's record, and each top has its own name for it, `<id>-init`, as Docker does. Nobody ever writes there.
 */
export class InitLayers {
  readonly #directories: SnapshotDirectories;
  readonly #stacks: Stacks;
  readonly #records: SnapshotRecords;
  /** By id of the chain's record. Whoever holds one may take a layer's lock, never the other way round. */
  readonly #locks = new KeyedLock();

  constructor({ directories, stacks, records }: InitLayersOptions) {
    this.#directories = directories;
    this.#stacks = stacks;
    this.#records = records;
  }

  /** Makes `<id>-init`; returns the layer's root, which has the attributes of the stack's. */
  async provide(id: string, parent: ChainId | undefined, entries: readonly InitEntry[]): Promise<string> {
    const chain = parent === undefined ? undefined : this.#records.get(parent);
    if (chain === undefined) {
      await this.#make(initOf(id), parent, entries);
      return this.#directories.at(initOf(id), "diff");
    }
    const name = sharedName(chain.id, entries);
    await this.#locks.run(chain.id, async () => {
      if (!this.#directories.exists(name)) await this.#make(name, parent, entries);
    });
    this.#directories.alias(initOf(id), name);
    return this.#directories.at(name, "diff");
  }

  /** Removes those of a chain whose record is gone, and which no top stands on. */
  removeOf(chain: string): Promise<void> {
    return this.#locks.run(chain, async () => {
      const names = this.#directories.ids().filter((name) => chainOfInit(name) === chain);
      for (const name of names) await this.#directories.remove(name);
    });
  }

  async #make(name: string, parent: ChainId | undefined, entries: readonly InitEntry[]): Promise<void> {
    const lowers = await this.#stacks.attach(parent);
    const root = await this.#stacks.rootSource(parent);
    await this.#directories.remove(name); // a crash left a part of it
    // From here on nothing is awaited: the chain lives, or else this throws.
    this.#directories.create(name, this.#stacks.idsOf(parent), (diff) => {
      const paths = lowers.map(({ path }) => path);
      fillInitLayer(diff, paths, entries);
      if (root !== undefined) copyDirectoryAttributes(root, diff);
    });
  }
}

/** The id of the chain that a shared init layer belongs to; undefined for any other name. */
export function chainOfInit(name: string): string | undefined {
  return SHARED_NAME.exec(name)?.[1];
}

function sharedName(chain: string, entries: readonly InitEntry[]): string {
  const hash = createHash("sha256").update(JSON.stringify(entries)).digest("hex").slice(0, HASH_LENGTH);
  return initOf(`${chain}-${hash}`);
}
