import type { LayerRecords } from "#metadata";
import type { KeyedLock } from "#host";
import type { Ring } from "./ring.ts";
import type { Shelf } from "./shelf.ts";
import type { Temporaries } from "./temporaries.ts";
import type { WorkerPool } from "./workerPool.ts";

/** What every part of the store works with. */
export interface StoreContext {
  /** `<data root>/layers` */
  readonly root: string;
  readonly records: LayerRecords;
  readonly pool: WorkerPool;
  readonly rings: Shelf<Ring>;
  /** Where workers put compressed blocks. */
  readonly outputs: Shelf<SharedArrayBuffer>;
  readonly temporaries: Temporaries;
  /** One publish or removal at a time for each layer file. */
  readonly locks: KeyedLock;
  readonly maxTarBytes: number;
}
