import { EngineError, ErrorCode } from "#errors";
import { KeyedLock, MAX_LOWERS, fromNodeError } from "#host";
import type { LayerReads } from "#layers";
import type { SnapshotRecord, SnapshotRecords } from "#metadata";
import { chainIdOf, parseChainId } from "#oci";
import type { ChainId, DiffId } from "#oci";
import { copyDirectoryAttributes } from "./attributes.ts";
import { Borrowers } from "./borrowers.ts";
import { initOf, SnapshotDirectories } from "./directories.ts";
import type { LayerDirectory, LayerDriver } from "./driver.ts";
import { infoOf } from "./fixup.ts";
import type { FixupStore } from "./fixupStore.ts";
import { InitLayers } from "./initLayers.ts";
import type { Mounter } from "./mounter.ts";
import type {
  BorrowedTop,
  DriverInfo,
  GraphDriverData,
  InitEntry,
  MountedRootfs,
  MountOptions,
  SnapshotInfo,
  SnapshotUsage,
  Snapshotter,
  StackMounts,
  StackPlace,
} from "./snapshotter.ts";
import { Stacks, noSnapshot } from "./stacks.ts";
import { directoryUsage } from "./usage.ts";

export interface OverlaySnapshotterOptions {
  readonly info: DriverInfo;
  readonly driver: LayerDriver;
  readonly records: SnapshotRecords;
  readonly layers: LayerReads;
  readonly directories: SnapshotDirectories;
  readonly fixups: FixupStore;
  readonly mounter: Mounter;
}

interface NewTop {
  readonly kind: "active" | "view";
  readonly key: string;
  readonly parent: ChainId | undefined;
  readonly init: readonly InitEntry[];
}

/**
 * Snapshots as overlayfs mounts. A record is put when its directory is whole and removed before its directory goes, so
 * that after a crash every record has its directory, and a directory without record is rubbish.
 */
export class OverlaySnapshotter implements Snapshotter, StackMounts {
  readonly driver: DriverInfo;
  readonly #driver: LayerDriver;
  readonly #records: SnapshotRecords;
  readonly #layers: LayerReads;
  readonly #directories: SnapshotDirectories;
  readonly #fixups: FixupStore;
  readonly #mounter: Mounter;
  readonly #stacks: Stacks;
  readonly #inits: InitLayers;
  /** By name of the snapshot. Whoever holds a key may take a chain's, never the other way round. */
  readonly #locks = new KeyedLock();
  readonly #borrowers = new Borrowers();

  constructor(options: OverlaySnapshotterOptions) {
    this.driver = options.info;
    this.#driver = options.driver;
    this.#records = options.records;
    this.#layers = options.layers;
    this.#directories = options.directories;
    this.#fixups = options.fixups;
    this.#mounter = options.mounter;
    this.#stacks = new Stacks({ ...options, locks: this.#locks });
    this.#inits = new InitLayers({ ...options, stacks: this.#stacks });
  }

  async commitLayer(
    diffId: DiffId,
    parent: ChainId | undefined,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ChainId> {
    const below = this.#stacks.diffIdsOf(parent);
    const chainId = chainIdOf([...below, diffId]);
    if (chainId === undefined) throw new Error("a stack with a layer has a chainID");
    await this.#locks.run(chainId, async () => {
      if (this.#records.get(chainId) !== undefined) return;
      if (options.signal?.aborted === true) throw cancelled(diffId);
      infoOf(this.#layers, { diffId });
      await this.#make({ name: chainId, kind: "committed", parent, diffId }, async (id) => {
        this.#directories.create(id, this.#stacks.idsOf(parent));
        await this.#driver.prepare({ id, diffId, below }, options.signal);
      });
    });
    return chainId;
  }

  prepare(key: string, parent: ChainId | undefined, init: readonly InitEntry[] = []): Promise<void> {
    return this.#makeTop({ kind: "active", key, parent, init });
  }

  view(key: string, parent: ChainId | undefined): Promise<void> {
    return this.#makeTop({ kind: "view", key, parent, init: [] });
  }

  mount(key: string, { volatile = false }: MountOptions = {}): Promise<MountedRootfs> {
    return this.#locks.run(key, async () => {
      const { id, kind, parent } = this.#get(key);
      this.#borrowers.own(id);
      if (kind === "committed") throw new TypeError(`snapshot ${key} is committed: view it`);
      const lowers = await this.#lowersOf(id, parent);
      const top = kind === "view" ? "ownRoot" : volatile ? "volatile" : "writable";
      return { path: await this.#mounter.mount({ id, lowers, top }) };
    });
  }

  async mountStack(top: ChainId | undefined, { ground, ...place }: StackPlace): Promise<void> {
    const lowers = (await this.#stacks.attach(top)).map(({ short }) => short);
    const root = await this.#stacks.rootSource(top);
    if (root !== undefined) copyDirectoryAttributes(root, place.upper);
    const hasRoom = ground !== undefined && lowers.length < MAX_LOWERS;
    await this.#mounter.mountAt(hasRoom ? [...lowers, ground] : lowers, place);
  }

  unmount(key: string): Promise<void> {
    return this.#locks.run(key, async () => {
      const record = this.#records.get(key);
      if (record === undefined) return;
      if (this.#borrowers.lent(record.id)) this.#borrowers.leave(record.id);
      else await this.#mounter.unmount(record.id);
    });
  }

  borrow(key: string): Promise<BorrowedTop> {
    return this.#locks.run(key, async () => {
      const { id, kind, parent } = this.#get(key);
      const lowers = await this.#lowersOf(id, parent);
      const free = !this.#mounter.isMounted(id);
      const path = await this.#mounter.mount({ id, lowers, top: kind === "view" ? "ownRoot" : "writable" });
      this.#borrowers.take(id, free);
      const giveBack = async (): Promise<void> => {
        if (this.#borrowers.giveBack(id)) await this.#mounter.unmount(id);
      };
      return {
        path,
        upper: this.#directories.at(id, "diff"),
        lowers: lowers.map((lower) => lower.path),
        [Symbol.asyncDispose]: () => this.#locks.run(key, giveBack),
      };
    });
  }

  /** The record goes before the first await: who looks afterwards, GC above all, sees none. */
  async remove(name: ChainId | string): Promise<void> {
    const record = this.#records.get(name);
    if (record === undefined) return;
    this.#refuseUsed(record);
    this.#records.remove(name);
    if (record.kind === "committed") await this.#inits.removeOf(record.id);
    await this.#locks.run(mergedLock(name), () => this.#locks.run(name, () => this.#discard(record)));
  }

  stat(name: ChainId | string): Promise<SnapshotInfo | undefined> {
    return Promise.resolve(this.#records.get(name));
  }

  list(): readonly SnapshotInfo[] {
    return this.#records.list();
  }

  async graphDriverData(name: ChainId | string): Promise<GraphDriverData> {
    const { kind } = this.#get(name);
    return kind === "committed" ? this.#layerData(parseChainId(name)) : this.#topData(name);
  }

  async usage(name: ChainId | string): Promise<SnapshotUsage> {
    const { id, diffId } = this.#get(name);
    if (diffId === undefined) return directoryUsage(this.#directories.at(id, "diff"));
    const { contentBytes, inodes } = infoOf(this.#layers, { diffId });
    return { bytes: contentBytes, inodes };
  }

  /**
   * A top that is still mounted has a container that outlives us. Its mount namespace has a mount of its own, so that
   * ours could go; but the next daemon would then stack a second overlay on the same upper, which overlayfs forbids.
   */
  async close(): Promise<void> {
    await this.#driver.close();
    const tops = this.#records.list().filter(({ kind, id }) => kind === "active" && this.#mounter.isMounted(id));
    await this.#mounter.unmountAll(new Set(tops.map(({ id }) => id)));
  }

  #makeTop({ kind, key, parent, init }: NewTop): Promise<void> {
    return this.#locks.run(key, async () => {
      const existing = this.#records.get(key);
      if (existing?.kind === kind && existing.parent === parent) return;
      if (existing !== undefined) throw exists(key);
      await this.#make({ name: key, kind, parent, diffId: undefined }, async (id) => {
        const hasInit = init.length > 0;
        const root = hasInit ? await this.#inits.provide(id, parent, init) : await this.#stacks.rootSource(parent);
        const below = this.#stacks.idsOf(parent);
        this.#directories.create(id, hasInit ? [initOf(id), ...below] : below);
        if (root !== undefined) copyDirectoryAttributes(root, this.#directories.at(id, "diff"));
      });
    });
  }

  /**
   * What a top stands on: its init layer, if it was made with one, and its stack. An image that takes all the room there
   * is does without: the runtime makes in the top what the init layer would have held.
   */
  async #lowersOf(id: string, parent: ChainId | undefined): Promise<readonly LayerDirectory[]> {
    const stack = await this.#stacks.attach(parent);
    const hasInit = stack.length < MAX_LOWERS && this.#directories.exists(initOf(id));
    return hasInit ? [this.#directories.layerDirectory(initOf(id)), ...stack] : stack;
  }

  /** Directory, content, record, in this order; nothing stays when one fails. */
  async #make(record: Omit<SnapshotRecord, "id" | "createdAt">, fill: (id: string) => Promise<void>): Promise<void> {
    const id = SnapshotDirectories.newId();
    try {
      await fill(id);
      // The parent may have been removed meanwhile by someone who did not know that we need it.
      if (record.parent !== undefined) this.#get(record.parent);
      this.#records.put({ ...record, id, createdAt: Date.now() });
    } catch (error) {
      await this.#discard({ id, kind: record.kind });
      throw fromNodeError(error);
    }
  }

  async #discard({ id, kind }: Pick<SnapshotRecord, "id" | "kind">): Promise<void> {
    await this.#mounter.unmount(id);
    if (kind === "committed") {
      await this.#driver.detach(id);
      await this.#fixups.remove(id);
    }
    this.#borrowers.forget(id);
    await this.#directories.remove(id);
    await this.#directories.remove(initOf(id));
  }

  #refuseUsed({ name, id, kind }: SnapshotRecord): void {
    const [child] = kind === "committed" ? this.#records.children(parseChainId(name)) : [];
    if (child !== undefined) throw inUse(name, `snapshot ${child.name} stands on it`);
    if (kind !== "committed" && this.#mounter.isMounted(id) && !this.#borrowers.onlyLent(id))
      throw inUse(name, "it is mounted");
  }

  /** A layer's `merged` shows the stack up to it, read-only. */
  #layerData(name: ChainId): Promise<GraphDriverData> {
    return this.#locks.run(mergedLock(name), async () => {
      const record = this.#get(name);
      const lowers = await this.#stacks.attach(name);
      await this.#mounter.mount({ id: record.id, lowers, top: "none" });
      return this.#data(record, await this.#stacks.attach(record.parent));
    });
  }

  async #topData(key: string): Promise<GraphDriverData> {
    const record = this.#get(key);
    return this.#data(record, await this.#lowersOf(record.id, record.parent));
  }

  #data({ id }: SnapshotRecord, lowers: readonly { readonly path: string }[]): GraphDriverData {
    return {
      ...(lowers.length === 0 ? {} : { LowerDir: lowers.map(({ path }) => path).join(":") }),
      MergedDir: this.#directories.at(id, "merged"),
      UpperDir: this.#directories.at(id, "diff"),
      WorkDir: this.#directories.at(id, "work"),
    };
  }

  #get(name: string): SnapshotRecord {
    const record = this.#records.get(name);
    if (record === undefined) throw noSnapshot(name);
    return record;
  }
}

/** Held around a layer's own lock, which attaching its stack takes. */
function mergedLock(name: string): string {
  return `merged ${name}`;
}

function cancelled(diffId: DiffId): EngineError {
  return new EngineError("cancelled", ErrorCode.CANCELLED, `committing layer ${diffId} was cancelled`);
}

function exists(key: string): EngineError {
  const message = `snapshot ${key} exists with another parent or kind`;
  return new EngineError("already_exists", ErrorCode.SNAPSHOT_EXISTS, message);
}

function inUse(name: string, why: string): EngineError {
  return new EngineError(
    "failed_precondition",
    ErrorCode.SNAPSHOT_IN_USE,
    `snapshot ${name} cannot be removed: ${why}`,
  );
}
