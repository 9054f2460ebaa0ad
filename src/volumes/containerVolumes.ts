import { isConflict, isNotFound, messageOf } from "#errors";
import type { ContainerVolumes, HeldVolume, VolumeRequest } from "./volumeService.ts";
import type { Volume, VolumeStore } from "./volumeStore.ts";

/** What containers hold and use. */
export class HeldVolumes implements ContainerVolumes {
  readonly #store: VolumeStore;

  constructor(store: VolumeStore) {
    this.#store = store;
  }

  async acquire(containerId: string, request: VolumeRequest): Promise<HeldVolume> {
    const { record } = await this.#store.create(request, containerId);
    return { name: record.name, driver: record.driver, mountpoint: this.#store.directory(record.name) };
  }

  settle(containerId: string): void {
    for (const volume of this.#madeFor(containerId)) this.#store.settle(volume);
  }

  async discard(containerId: string): Promise<void> {
    const made = this.#madeFor(containerId);
    await this.release(
      containerId,
      made.map(({ record }) => record.name),
    );
    // Somebody else took one meanwhile: it is his now.
    for (const volume of made) if (this.#store.find(volume.record.name) === volume) this.#store.settle(volume);
  }

  #madeFor(containerId: string): readonly Volume[] {
    return this.#store.all().filter(({ record }) => record.madeFor === containerId);
  }

  async release(containerId: string, remove: readonly string[]): Promise<void> {
    await this.endUse(containerId);
    for (const { holders } of this.#store.all()) holders.delete(containerId);
    for (const name of remove) await this.#removeUnheld(name);
  }

  async #removeUnheld(name: string): Promise<void> {
    try {
      await this.#store.remove(name);
    } catch (error) {
      // Shared with another container, or removed by hand.
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }

  use(containerId: string, name: string): Promise<string> {
    return this.#store.use(name, containerId);
  }

  fill(containerId: string, name: string, write: (directory: string) => Promise<void>): Promise<boolean> {
    return this.#store.fill(name, containerId, write);
  }

  async endUse(containerId: string): Promise<void> {
    const used = this.#store.all().filter(({ users }) => users.has(containerId));
    for (const { record } of used) {
      try {
        await this.#store.endUse(record.name, containerId);
      } catch (error) {
        this.#store.options.log("warn", `volume ${record.name}: ${messageOf(error)}`);
      }
    }
  }

  async reconcile(holders: ReadonlyMap<string, readonly string[]>, running: ReadonlySet<string>): Promise<void> {
    for (const [containerId, names] of holders) {
      for (const name of names) await this.#takeUp(containerId, name, running.has(containerId));
    }
    for (const { record } of this.#store.all()) {
      if (record.madeFor !== undefined && !holders.has(record.madeFor)) await this.discard(record.madeFor);
    }
    for (const volume of this.#store.all()) {
      this.#store.settle(volume);
      // Left mounted by a daemon that died: as if its last user had just gone.
      if (volume.users.size > 0) continue;
      volume.users.add(LEFT_OVER);
      await this.endUse(LEFT_OVER);
    }
  }

  async #takeUp(containerId: string, name: string, isRunning: boolean): Promise<void> {
    const volume = this.#store.find(name);
    if (volume === undefined) {
      this.#store.options.log("warn", `container ${containerId}: its volume ${name} is gone`);
      return;
    }
    volume.holders.add(containerId);
    if (isRunning) volume.users.add(containerId);
  }
}

/** Stands for whoever used a volume before this daemon's start. */
const LEFT_OVER = "";
