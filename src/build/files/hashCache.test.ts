import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { HashCache } from "./hashCache.ts";
import type { FileFacts } from "./hashCache.ts";

const FACTS: FileFacts = {
  size: 2 ** 40,
  inodeLow: 4_294_967_295,
  inodeHigh: 3,
  modifiedSeconds: -5,
  modifiedNanoseconds: 999_999_999,
  changedSeconds: 1_700_000_000,
  changedNanoseconds: 7,
};
const DIGEST = "ab".repeat(32);
const FILE = { digest: DIGEST, hasXattrs: true };

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "varve-hashes-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "below", "name");
}

test("hash cache: what was put is found again, also from its file", (t) => {
  const path = place(t);
  const cache = HashCache.open(path);
  cache.put("a/b\u00ff", FACTS, FILE);
  cache.put("c", { ...FACTS, size: 0 }, { digest: "0".repeat(64), hasXattrs: false });
  cache.save();
  // Touched by somebody else, so that it is read.
  writeFileSync(path, readFileSync(path));
  const again = HashCache.open(path);
  const known = again.get("a/b\u00ff", FACTS);
  assert.deepEqual([known?.digest, known?.hasXattrs], [DIGEST, true]);
  assert.equal(again.get("c", { ...FACTS, size: 0 })?.hasXattrs, false);
});

test("hash cache: any fact that differs is another file", (t) => {
  const cache = HashCache.open(place(t));
  cache.put("a", FACTS, FILE);
  assert.ok(cache.get("a", { ...FACTS }));
  for (const name of Object.keys(FACTS)) {
    assert.equal(cache.get("a", { ...FACTS, [name]: 1 }), undefined, name);
  }
  assert.equal(cache.get("b", FACTS), undefined);
});

test("hash cache: a file that has only just changed is known to this build alone", (t) => {
  const path = place(t);
  const now = Date.now() / 1000;
  const facts = { ...FACTS, changedSeconds: Math.floor(now), changedNanoseconds: Math.floor((now % 1) * 1e9) };
  const cache = HashCache.open(path);
  cache.put("a", facts, FILE);
  assert.ok(cache.get("a", facts));
  cache.save();
  assert.equal(HashCache.open(path).get("a", facts), undefined);
});

test("hash cache: a damaged, torn or foreign file counts for nothing", (t) => {
  const path = place(t);
  const cache = HashCache.open(path);
  cache.put("a", FACTS, FILE);
  cache.save();
  const whole = readFileSync(path);
  const damaged = Buffer.from(whole);
  damaged.writeUInt8(damaged.readUInt8(damaged.length - 3) ^ 1, damaged.length - 3);
  for (const bytes of [damaged, whole.subarray(0, whole.length - 5), Buffer.alloc(0), Buffer.from("something else")]) {
    writeFileSync(path, bytes);
    assert.equal(HashCache.open(path).get("a", FACTS), undefined);
  }
  truncateSync(path, 3);
  HashCache.open(path).put("b", FACTS, FILE);
});
