import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { PruneCacheOptions } from "../buildService.ts";
import { cachePolicy, CacheTidier } from "./cachePolicy.ts";

test("cache policy: a tenth of the disk, two gigabytes at least; what is shared goes last", () => {
  const [transfers, old, unshared, all] = cachePolicy(100e9);
  assert.deepEqual([transfers?.reservedSpace, transfers?.filters.length], [512e6, 3]);
  assert.deepEqual([old?.reservedSpace, old?.all, unshared?.all, all?.all], [10e9, false, false, true]);
  assert.equal(cachePolicy(1e9)[3]?.reservedSpace, 2e9);
});

test("cache tidier: builds in a row are one run, a failure is told", async () => {
  const wishes: PruneCacheOptions[] = [];
  const failures: unknown[] = [];
  const done = Promise.withResolvers<void>();
  const cache = {
    prune: async (wish: PruneCacheOptions) => {
      wishes.push(wish);
      if (wishes.length === 4) done.resolve();
      if (wishes.length > 4) {
        done.resolve();
        throw new Error("disk");
      }
      return [];
    },
  };
  const tidier = new CacheTidier({ cache, dataRoot: tmpdir(), delay: 1, onFailure: (error) => failures.push(error) });
  tidier.schedule();
  tidier.schedule();
  await done.promise;
  await tidier.close();
  assert.equal(wishes.length, 4);
  tidier.schedule();
  await tidier.close();
  const again = new CacheTidier({ cache, dataRoot: tmpdir(), delay: 1, onFailure: (error) => failures.push(error) });
  again.schedule();
  while (failures.length === 0) await new Promise(setImmediate);
  await again.close();
  assert.equal(wishes.length, 5);
});
