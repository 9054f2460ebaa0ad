import type { TarFeed, TarFeedWriter } from "./layerStore.ts";
import { SlotWriter } from "./slotWriter.ts";
import { StopFlag } from "./stopFlag.ts";

/** The other thread's end of `LayerTarWriter.feed`; worker threads only, for it blocks while the layer is behind. */
export function openTarFeed({ ring, stop }: TarFeed): TarFeedWriter {
  return new SlotWriter(ring, new StopFlag(stop));
}
