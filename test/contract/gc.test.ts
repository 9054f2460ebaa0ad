import assert from "node:assert/strict";
import { rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { categoryOf } from "#errors";
import { chainIdsOf, digestOf, hexOf, MediaType } from "#oci";
import { GcWorld, sample } from "./gcWorld.ts";
import type { Sample } from "./gcWorld.ts";

const digestsOf = (image: Sample): readonly string[] => image.blobs.map((bytes) => digestOf(bytes));

describe("gc", () => {
  it("collect: keeps an image whole, sweeps it once nothing names it", async () => {
    await using world = await GcWorld.open();
    const image = sample("a:1", [1, 2]);
    await world.pull(image);
    assert.deepEqual(await world.collector.collect(), { blobs: 0, layers: 0, snapshots: 0, ingests: 0, bytes: 0 });
    assert.deepEqual(await world.blobs(), new Set(digestsOf(image)));
    world.remove(image);
    const bytes = image.blobs.reduce((sum, blob) => sum + blob.byteLength, 0) + 20;
    assert.deepEqual(await world.collector.collect(), { blobs: 4, layers: 2, snapshots: 2, ingests: 0, bytes });
    assert.deepEqual(await world.blobs(), new Set());
    assert.equal(world.metadata.layers.findByBlob(digestOf("gzip of layer 1")), undefined);
  });

  it("collect: keeps what another image shares", async () => {
    await using world = await GcWorld.open();
    const [one, two] = [sample("a:1", [1, 2]), sample("b:1", [1, 3])];
    await world.pull(one);
    await world.pull(two);
    world.remove(one);
    await world.collector.collect();
    assert.deepEqual(await world.blobs(), new Set(digestsOf(two)));
    assert.deepEqual(world.layers, new Set(two.diffIds));
    assert.deepEqual(world.snapshots(), new Set(chainIdsOf(two.diffIds)));
  });

  it("collect: follows an index to the children that are here", async () => {
    await using world = await GcWorld.open();
    const [here, alsoHere, elsewhere] = [sample("a:1", [1]), sample("a:2", [2]), sample("a:3", [3])];
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MediaType.OCI_INDEX,
        manifests: [here, alsoHere, elsewhere].map((image) => image.manifest),
      }),
    );
    for (const bytes of [...here.blobs, ...alsoHere.blobs, index, Buffer.from("garbage")])
      await world.content.put(bytes);
    world.metadata.images.put({
      reference: "a:latest",
      target: { mediaType: MediaType.OCI_INDEX, digest: digestOf(index), size: index.byteLength },
      imageId: here.imageId,
      createdAt: 1,
      updatedAt: 1,
    });
    assert.equal((await world.collector.collect()).blobs, 1);
    assert.deepEqual(await world.blobs(), new Set([...digestsOf(here), ...digestsOf(alsoHere), digestOf(index)]));
  });

  it("collect: a container keeps its top and all below when its image is gone", async () => {
    await using world = await GcWorld.open();
    const image = sample("a:1", [1, 2]);
    await world.pull(image);
    world.run("web", image);
    world.remove(image);
    await world.collector.collect();
    assert.deepEqual(world.snapshots(), new Set(["web", ...chainIdsOf(image.diffIds)]));
    assert.deepEqual(world.layers, new Set(image.diffIds));
    world.metadata.containers.remove("web");
    const report = await world.collector.collect();
    assert.equal(report.snapshots, 3);
    assert.equal(world.layers.size, 0);
  });

  it("collect: a step of the build cache keeps its layers", async () => {
    await using world = await GcWorld.open();
    const image = sample("a:1", [1, 2]);
    await world.pull(image);
    const { buildSteps } = world.metadata;
    const row = { id: "a", kind: "exec", slot: "", description: "RUN a", parents: [], bytes: 1, createdAt: 1 };
    buildSteps.put({ ...row, key: "k", diffIds: image.diffIds, usedAt: 1, uses: 1 }, Buffer.alloc(0));
    world.remove(image);
    await world.collector.collect();
    assert.deepEqual(world.layers, new Set(image.diffIds));
    buildSteps.remove("k");
    await world.collector.collect();
    assert.equal(world.layers.size, 0);
  });

  it("collect: a lease keeps what it names until it ends", async () => {
    await using world = await GcWorld.open();
    const { leases } = world.metadata;
    const lease = leases.create({ purpose: "test" });
    leases.add(lease.id, { kind: "blob", name: digestOf("kept") });
    await world.content.put(Buffer.from("kept"));
    await world.content.put(Buffer.from("swept"));
    await world.collector.collect();
    assert.deepEqual(await world.blobs(), new Set([digestOf("kept")]));
    leases.delete(lease.id);
    assert.equal((await world.collector.collect()).blobs, 1);
  });

  it("collect: ingests live by lease, for 24 hours, or until a prune", async () => {
    await using world = await GcWorld.open();
    const { content, metadata } = world;
    for (const ref of ["leased", "young", "old"]) {
      await using writer = await content.openIngest(ref);
      await writer.write(Buffer.alloc(5));
      if (ref !== "young") await utimes(writer.path, 1, 1);
    }
    const lease = metadata.leases.create({ purpose: "test" });
    metadata.leases.add(lease.id, { kind: "ingest", name: "leased" });
    await using open = await content.openIngest("open");
    await utimes(open.path, 1, 1);
    const refs = async (): Promise<readonly string[]> =>
      (await content.listIngests()).map((ingest) => ingest.ref).sort();
    assert.deepEqual(await world.collector.collect(), { blobs: 0, layers: 0, snapshots: 0, ingests: 1, bytes: 5 });
    assert.deepEqual(await refs(), ["leased", "open", "young"]);
    assert.equal((await world.collector.collect({ ingests: "all" })).ingests, 1);
    assert.deepEqual(await refs(), ["leased", "open"]);
    assert.deepEqual(world.warnings, []);
  });

  it("collect: sweeps no blob while a manifest cannot be read, and says so", async () => {
    await using world = await GcWorld.open();
    const image = sample("a:1", [1]);
    await world.pull(image);
    await world.content.put(Buffer.from("garbage"));
    await writeFile(await world.content.path(image.manifest.digest), "damaged");
    assert.equal((await world.collector.collect()).blobs, 0);
    assert.equal(world.warnings.length, 1);
    assert.match(world.warnings.join(""), /manifest cannot be read/);
    world.remove(image);
    assert.equal((await world.collector.collect()).blobs, 4);
  });

  it("collect: leaves what it cannot remove, tells it, and goes on", async () => {
    await using world = await GcWorld.open();
    const { digest } = await world.content.put(Buffer.from("stuck"));
    await world.content.put(Buffer.from("loose"));
    const path = await world.content.path(digest);
    const trash = join(dirname(dirname(dirname(path))), "trash");
    await rm(trash, { recursive: true });
    await writeFile(trash, "in the way");
    assert.equal((await world.collector.collect()).blobs, 0);
    assert.equal(world.warnings.length, 2);
    assert.ok(world.warnings.some((warning) => warning.includes(hexOf(digest))));
    await rm(trash);
    assert.equal((await world.collector.collect()).blobs, 2);
  });

  it("collect: ends with cancelled when its signal aborts or the collector closes", async () => {
    await using world = await GcWorld.open();
    await world.pull(sample("a:1", [1]));
    const cancelled = (error: unknown): boolean => categoryOf(error) === "cancelled";
    await assert.rejects(world.collector.collect({ signal: AbortSignal.abort() }), cancelled);
    const run = world.collector.collect();
    const refused = assert.rejects(run, cancelled);
    await world.collector[Symbol.asyncDispose]();
    await refused;
  });

  it("schedule: many calls become one run", async () => {
    await using world = await GcWorld.open();
    await world.content.put(Buffer.from("garbage"));
    for (let call = 0; call < 10; call += 1) world.collector.schedule();
    while ((await world.blobs()).size > 0) await new Promise((wake) => setTimeout(wake, 2));
    assert.deepEqual(world.warnings, []);
  });
});

/** What may happen at once; numbers choose an image. */
const operation = fc.oneof(
  fc.record({ kind: fc.constantFrom("pull", "remove", "run"), image: fc.nat(3) }),
  fc.record({ kind: fc.constantFrom("collect", "removeContainers"), image: fc.constant(0) }),
);

async function perform(
  world: GcWorld,
  images: readonly Sample[],
  step: { kind: string; image: number },
): Promise<void> {
  const image = images[step.image % images.length];
  assert.ok(image !== undefined);
  switch (step.kind) {
    case "pull":
      return world.pull(image);
    case "remove":
      world.remove(image);
      await world.collector.collect();
      return;
    case "run":
      return world.run(`container ${step.image}`, image);
    case "removeContainers":
      for (const { id } of world.metadata.containers.list()) world.metadata.containers.remove(id);
      return;
    default:
      await world.collector.collect();
  }
}

/** What the records name, computed the plain way. */
function named(
  world: GcWorld,
  images: readonly Sample[],
): { blobs: Set<string>; layers: Set<string>; snapshots: Set<string> } {
  const used = images.filter((image) => world.metadata.images.getContent(image.imageId) !== undefined);
  const running = world.metadata.containers.list();
  const below = images.filter((image) => running.some((container) => container.imageId === image.imageId));
  const stacks = [...used, ...below];
  const layerBlobs = below.flatMap((image) =>
    image.blobs.slice(0, image.diffIds.length + 1).map((bytes) => digestOf(bytes)),
  );
  return {
    blobs: new Set([...used.flatMap(digestsOf), ...layerBlobs]),
    layers: new Set(stacks.flatMap((image) => image.diffIds)),
    snapshots: new Set([...stacks.flatMap((image) => chainIdsOf(image.diffIds)), ...running.map(({ id }) => id)]),
  };
}

it("gc: named is never swept, unnamed is, in any interleaving of pulls, removals, containers and runs", async () => {
  const stacks = fc.array(fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 4 });
  const property = fc.asyncProperty(
    fc.scheduler(),
    stacks,
    fc.array(operation, { minLength: 2, maxLength: 8 }),
    async (scheduler, stacks, steps) => {
      await using world = await GcWorld.open(() => scheduler.schedule(Promise.resolve()));
      const images = stacks.map((layers, index) => sample(`image:${index}`, layers));
      await scheduler.waitFor(Promise.all(steps.map((step) => perform(world, images, step))));
      const expected = named(world, images);
      const missing = [
        ...expected.blobs.difference(await world.blobs()),
        ...expected.layers.difference(world.layers),
        ...expected.snapshots.difference(world.snapshots()),
      ];
      assert.deepEqual(missing, [], "named, and yet swept");
      await scheduler.waitFor(world.collector.collect());
      assert.deepEqual(await world.blobs(), expected.blobs);
      assert.deepEqual(world.layers, expected.layers);
      assert.deepEqual(world.snapshots(), expected.snapshots);
      assert.deepEqual(world.warnings, []);
    },
  );
  await fc.assert(property, { numRuns: 60 });
});
