/** Makes, mounts, removes snapshots until it is killed. Arguments: data root, driver. Run by `snapshotsKilled.test.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseChainId } from "#oci";
import type { ChainId } from "#oci";
import type { StorageDriver } from "#snapshots";
import { addLayer, openStores } from "../../contract/snapshotterContract.ts";
import { stackOf } from "./killedStacks.ts";

const [, , path = "", driver = ""] = process.argv;
const { layers, snapshots } = await openStores(path, driver as StorageDriver);
process.stdout.write("open\n");

for (let round = 0; ; round += 1) {
  const chain: ChainId[] = [];
  for (const members of stackOf(round)) {
    chain.push(await snapshots.commitLayer(await addLayer(layers, members), chain.at(-1)));
  }
  const key = `top${round}`;
  await snapshots.prepare(key, chain.at(-1));
  const rootfs = await snapshots.mount(key);
  writeFileSync(join(rootfs.path, "mine"), key);
  await snapshots.graphDriverData(parseChainId(chain.at(-1) ?? ""));
  if (round % 3 === 0) continue;
  await snapshots.unmount(key);
  await snapshots.remove(key);
  if (round % 3 === 1) continue;
  for (const name of chain.toReversed()) {
    if (snapshots.list().every(({ parent }) => parent !== name)) await snapshots.remove(name);
  }
}
