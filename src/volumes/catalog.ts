import type { Filters, VolumeList, VolumeResource, VolumesPruneReport } from "#engineapi";
import { isConflict, isNotFound, messageOf } from "#errors";
import { directoryBytes } from "./directoryBytes.ts";
import { compileListFilters, compilePruneFilters } from "./filters.ts";
import type { VolumeCatalog, VolumeRequest } from "./volumeService.ts";
import type { Volume, VolumeStore } from "./volumeStore.ts";
import { ANONYMOUS_LABEL, toResource } from "./volumeRecord.ts";

const filterable = ({ record, holders }: Volume): { readonly record: Volume["record"]; readonly isHeld: boolean } => ({
  record,
  isHeld: holders.size > 0,
});

/** What others than containers do with volumes. */
export class Catalog implements VolumeCatalog {
  readonly #store: VolumeStore;

  constructor(store: VolumeStore) {
    this.#store = store;
  }

  async create(request: VolumeRequest): Promise<VolumeResource> {
    return this.#show(await this.#store.create(request));
  }

  inspect(name: string): VolumeResource {
    return this.#show(this.#store.get(name));
  }

  list(filters: Filters): VolumeList {
    const matches = compileListFilters(filters);
    const volumes = this.#store.list().filter((volume) => matches(filterable(volume)));
    return { Volumes: volumes.map((volume) => this.#show(volume)), Warnings: null };
  }

  async remove(name: string, { force }: { readonly force: boolean }): Promise<void> {
    try {
      await this.#store.remove(name);
    } catch (error) {
      if (!force || !isNotFound(error)) throw error;
    }
  }

  async prune(filters: Filters, options: { readonly all: boolean }): Promise<VolumesPruneReport> {
    const { matches, all } = compilePruneFilters(filters);
    const deleted: string[] = [];
    let bytes = 0;
    for (const volume of this.#store.list()) {
      if (!isPlain(volume) || volume.holders.size > 0 || !matches(filterable(volume))) continue;
      if (!all && !options.all && !(ANONYMOUS_LABEL in (volume.record.labels ?? {}))) continue;
      const size = await this.#removeUnheld(volume);
      if (size === undefined) continue;
      bytes += size;
      deleted.push(volume.record.name);
    }
    this.#store.options.events({
      Type: "volume",
      Action: "prune",
      Actor: { ID: "", Attributes: { reclaimed: String(bytes) } },
    });
    return { VolumesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: bytes };
  }

  /** Its size; undefined when somebody took or removed it meanwhile. */
  async #removeUnheld({ record: { name } }: Volume): Promise<number | undefined> {
    const size = await directoryBytes(this.#store.directory(name));
    try {
      await this.#store.remove(name);
      return size;
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
      this.#store.options.log("warn", `volume ${name} is not pruned: ${messageOf(error)}`);
      return undefined;
    }
  }

  async diskUsage(): Promise<readonly VolumeResource[]> {
    const rows: VolumeResource[] = [];
    for (const volume of this.#store.list().filter(isPlain)) {
      const Size = await directoryBytes(this.#store.directory(volume.record.name));
      rows.push({ ...this.#show(volume), UsageData: { RefCount: volume.holders.size, Size } });
    }
    return rows;
  }

  #show({ record }: Volume): VolumeResource {
    return toResource(record, this.#store.directory(record.name));
  }
}

/** One whose content is its directory's. */
function isPlain({ record }: Volume): boolean {
  return record.options === null;
}
