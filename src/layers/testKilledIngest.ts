/** For tests: a process that ingests one layer after another until it is killed. */
import { join } from "node:path";
import { openMetadata } from "#metadata";
import { openLayerStore } from "./openLayerStore.ts";
import { file, noise, tarOf } from "./testStore.ts";

const place = process.argv[2] ?? "";
const metadata = openMetadata(join(place, "varve.db"));
const store = await openLayerStore({ root: join(place, "layers"), records: metadata.layers });
for (let seed = process.pid; ; seed += 1) {
  const writer = await store.ingestTar();
  await writer.write(tarOf([file(`f${seed}`, noise(1 << 20, seed))]));
  await writer.commit();
  process.send?.("one");
}
