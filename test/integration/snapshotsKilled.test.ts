/** kill -9 at random moments; whatever was under way, the next start finds snapshots whole or not at all. Needs root. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { listMounts, unmount } from "#host";
import type { StorageDriver } from "#snapshots";
import { missing, openStores } from "../contract/snapshotterContract.ts";
import type { Stores } from "../contract/snapshotterContract.ts";
import { expectedOf } from "./support/killedStacks.ts";

const DRIVERS: readonly StorageDriver[] = ["erofs-file", "erofs-loop", "overlay2"];
const KILLS = 8;
const LONGEST_MS = 250;

/** The same moments in every run, as far as a machine allows. */
function* moments(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield (state / 2 ** 32) * LONGEST_MS;
  }
}

async function runAndKill(path: string, driver: StorageDriver, afterMs: number): Promise<void> {
  const program = fileURLToPath(new URL("./support/snapshotLoop.ts", import.meta.url));
  const child = spawn(process.execPath, [program, path, driver], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), exited]);
  await setTimeout(afterMs);
  assert.equal(child.exitCode, null, "the loop ended by itself");
  child.kill("SIGKILL");
  await exited;
}

/** Every committed stack that is listed reads as it must, every top can be mounted again. */
async function checkWhole({ snapshots }: Stores): Promise<void> {
  for (const { name, kind, parent } of snapshots.list()) {
    if (kind === "active") {
      const { path } = await snapshots.mount(name);
      const mine = join(path, "mine");
      if (existsSync(mine)) assert.ok(["", name].includes(readFileSync(mine, "utf8")));
    }
    if (kind !== "committed" || parent === undefined) continue;
    const { MergedDir: merged } = await snapshots.graphDriverData(name);
    const kindOf = /^upper (\d)$/.exec(readFileSync(join(merged, "etc/upper"), "utf8"))?.[1] ?? assert.fail("no upper");
    for (const [path, content] of Object.entries(expectedOf(Number(kindOf)))) {
      assert.equal(readFileSync(join(merged, path), "utf8"), content);
    }
    assert.equal(lstatSync(join(merged, "etc")).mode & 0o7777, 0o750);
    assert.deepEqual(readdirSync(join(merged, "gone")), []);
  }
}

function checkNoRubbish(path: string, { snapshots, metadata }: Stores): void {
  const ids = new Set(snapshots.list().map(({ name }) => metadata.snapshots.get(name)?.id));
  for (const id of readdirSync(join(path, "overlay2"))) assert.ok(id === "l" || ids.has(id), id);
  assert.equal(readdirSync(join(path, "overlay2", "l")).length, ids.size);
  for (const id of readdirSync(join(path, "layers", "fixups"))) assert.ok(ids.has(id), id);
}

async function removeAll({ snapshots }: Stores): Promise<void> {
  for (const { name, kind } of snapshots.list()) {
    if (kind === "committed") continue;
    await snapshots.unmount(name);
    await snapshots.remove(name);
  }
  for (const { name, parent } of snapshots.list()) if (parent !== undefined) await snapshots.remove(name);
  for (const { name } of snapshots.list()) await snapshots.remove(name);
}

for (const driver of DRIVERS) {
  test(`snapshotter ${driver}: ${KILLS} kills leave whole snapshots and no rubbish`, {
    skip: missing(driver),
  }, async (t) => {
    const path = mkdtempSync(join(tmpdir(), "varve-killed-"));
    t.after(async () => {
      for (const { target } of (await listMounts(path)).toReversed()) await unmount(target, { lazy: true });
      rmSync(path, { recursive: true, force: true });
    });
    const times = moments(driver.length);
    for (let kill = 0; kill < KILLS; kill += 1) {
      await runAndKill(path, driver, times.next().value);
      const stores = await openStores(path, driver);
      await checkWhole(stores);
      checkNoRubbish(path, stores);
      if (kill === KILLS - 1) {
        await removeAll(stores);
        assert.deepEqual(readdirSync(join(path, "overlay2")), ["l"]);
        assert.deepEqual(readdirSync(join(path, "layers", "fixups")), []);
        assert.deepEqual(await listMounts(path), []);
      }
      await stores.layers.close();
      stores.metadata[Symbol.dispose]();
    }
  });
}
