import { join } from "node:path";
import type { EventSink } from "#engineapi";
import type { DocumentRecords } from "#metadata";
import { Catalog } from "./catalog.ts";
import { HeldVolumes } from "./containerVolumes.ts";
import type { VolumeServices } from "./volumeService.ts";
import { VolumeStore } from "./volumeStore.ts";

export interface VolumesOptions {
  /** Volumes lie in `<dataRoot>/volumes`. */
  readonly dataRoot: string;
  readonly records: DocumentRecords;
  readonly events: EventSink;
  readonly log: (level: "info" | "warn" | "error", line: string) => void;
}

/** The volumes of a data root. `containers.reconcile` is called next, before anything else. */
export async function openVolumes({ dataRoot, ...options }: VolumesOptions): Promise<VolumeServices> {
  const store = new VolumeStore({ ...options, root: join(dataRoot, "volumes") });
  await store.open();
  return { catalog: new Catalog(store), containers: new HeldVolumes(store) };
}
