import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { BuildCache, BuildCacheRecord, PruneCacheOptions } from "../buildService.ts";
import { createBuildCache } from "./buildCache.ts";
import { cacheFilter } from "./cacheFilter.ts";
import { diffIdOf, execVertex, FakeBuilds, SCRATCH } from "./fakeBuild.ts";
import { cacheKeyOf } from "./keyInputs.ts";
import { digestOf, MediaType } from "#oci";

interface World {
  readonly builds: FakeBuilds;
  readonly cache: BuildCache;
  readonly collected: { count: number };
}

/** Three steps, made at 1000, 2000 and 3000 ms, 10 bytes each; it is 4000 ms now. */
async function threeSteps(context: TestContext): Promise<World> {
  const builds = new FakeBuilds(context);
  for (const name of ["a", "b", "c"]) {
    const { solver } = builds.build();
    await solver.solve(execVertex(name, [SCRATCH]));
    solver[Symbol.dispose]();
    builds.now += 1000;
  }
  const collected = { count: 0 };
  const cache = createBuildCache({
    steps: builds.cache,
    owners: [],
    metadata: builds.metadata,
    collector: {
      collect: async () => {
        collected.count += 1;
        return { blobs: 0, layers: 0, snapshots: 0, ingests: 0, bytes: 0 };
      },
    },
    dataRoot: tmpdir(),
    now: () => builds.now,
  });
  return { builds, cache, collected };
}

const namesOf = (records: readonly BuildCacheRecord[]): readonly string[] =>
  records.map(({ description }) => description.slice("[1/1] RUN ".length));
const wish = (more: Partial<PruneCacheOptions> = {}): PruneCacheOptions => ({ all: false, filters: [], ...more });

test("build cache: a record tells what it was made of", async (context) => {
  const { builds, cache } = await threeSteps(context);
  const { solver } = builds.build();
  await solver.solve(execVertex("d", [execVertex("a", [SCRATCH])]));
  const { a, d } = Object.fromEntries((await cache.list([])).map((record) => [record.description.at(-1), record]));
  assert.deepEqual([d?.parents, d?.inUse], [[a?.id], true]);
  solver[Symbol.dispose]();
  assert.deepEqual(namesOf(await cache.prune(wish({ reservedSpace: 10 }))), ["b", "c", "d"]);
  assert.match(a?.id ?? "", /^[a-z0-9]{25}$/);
  assert.deepEqual(
    [a?.type, a?.usageCount, a?.shared, a?.mutable, a?.size, a?.createdAt],
    ["regular", 1, false, false, 10, 1000],
  );
});

test("build cache: prune takes all that nothing holds, and frees it", async (context) => {
  const { builds, cache, collected } = await threeSteps(context);
  const held = builds.cache.hold(builds.cache.list().find(({ description }) => description.endsWith("b"))?.key ?? "");
  assert.deepEqual(namesOf(await cache.prune(wish())), ["a", "c"]);
  held[Symbol.dispose]();
  assert.deepEqual(namesOf(await cache.prune(wish())), ["b"]);
  assert.equal(collected.count, 2);
});

test("build cache: prune keeps what was used lately, and no more bytes than asked", async (context) => {
  const { cache } = await threeSteps(context);
  assert.deepEqual(namesOf(await cache.prune(wish({ keepDurationNs: 2.5e9 }))), ["a"]);
  assert.deepEqual(namesOf(await cache.prune(wish({ reservedSpace: 10 }))), ["b"]);
  assert.deepEqual(namesOf(await cache.prune(wish({ maxUsedSpace: 100 }))), []);
});

test("build cache: what an image shares goes only with --all", async (context) => {
  const { builds, cache } = await threeSteps(context);
  builds.metadata.images.putContent({
    imageId: digestOf("image"),
    manifest: { mediaType: MediaType.OCI_MANIFEST, digest: digestOf("manifest"), size: 1 },
    chainId: undefined,
    diffIds: [diffIdOf("a")],
    lastTaggedAt: undefined,
    createdAt: 1,
  });
  assert.deepEqual(namesOf(await cache.prune(wish())), ["b", "c"]);
  assert.deepEqual(namesOf(await cache.prune(wish({ all: true }))), ["a"]);
});

test("build cache: filters in containerd's syntax", async (context) => {
  const { cache } = await threeSteps(context);
  assert.deepEqual(namesOf(await cache.list(['description=="[1/1] RUN b"'])), ["b"]);
  assert.deepEqual(namesOf(await cache.list(["description~=RUN [ab],private", "description==x"])), ["a", "b"]);
  assert.deepEqual(namesOf(await cache.list(["type!=regular"])), []);
  assert.deepEqual(namesOf(await cache.list(["inuse"])), []);
  for (const bad of ["=", "a==b,,", "id~=(", "x".repeat(5000), '"'])
    assert.throws(() => cacheFilter([bad]), { category: "invalid_argument" });
});

test("cache key: the order of inputs does not matter, their names and values do", () => {
  const key = cacheKeyOf("exec", { values: { a: "1", b: "2" } });
  assert.equal(cacheKeyOf("exec", { values: { b: "2", a: "1" } }), key);
  assert.notEqual(cacheKeyOf("exec", { values: { a: "2", b: "1" } }), key);
  assert.notEqual(cacheKeyOf("file", { values: { a: "1", b: "2" } }), key);
});
