/** Layers that are sent while they are compressed, to Debian's docker-registry behind a proxy that makes trouble. Needs no root. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parseReference } from "#oci";
import { pullImage } from "../../src/images/pull.ts";
import { pushImage } from "../../src/images/push.ts";
import { openTestRooms } from "../../src/images/testRooms.ts";
import type { TestRooms } from "../../src/images/testRooms.ts";
import { startRegistry } from "../e2e/support/registry.ts";
import { noiseOf } from "./support/scriptedRegistry.ts";
import { startRegistryProxy } from "./support/registryProxy.ts";
import type { RegistryProxy } from "./support/registryProxy.ts";

/** More than is sent at once: 20 MB, half of it text. */
const LARGE = noiseOf(10 << 20, "large").toString("latin1") + "some text ".repeat(1 << 20);
const CUT_BYTES = 5 << 20;

interface World {
  readonly rooms: TestRooms;
  readonly proxy: RegistryProxy;
  /** Statuses of a push, without what the registry has had. */
  readonly push: (name: string, signal?: AbortSignal) => Promise<readonly string[]>;
}

async function openWorld(t: TestContext): Promise<World> {
  const registry = await startRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const proxy = await startRegistryProxy(registry.address);
  t.after(() => proxy[Symbol.asyncDispose]());
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["app:1", "other:1"].map((name) => `${proxy.address}/${name}`), layers: [LARGE] });
  const push: World["push"] = async (name, signal) => {
    const statuses: string[] = [];
    const progress = ({ status }: { readonly status?: string }): void => void statuses.push(status ?? "");
    await pushImage(rooms.context, parseReference(`${proxy.address}/${name}`), {
      progress,
      ...(signal === undefined ? {} : { signal }),
    });
    return statuses;
  };
  return { rooms, proxy, push };
}

/** What the registry gives out has the layer that was pushed. */
async function checkPulled(t: TestContext, { rooms, proxy }: World, name: string): Promise<void> {
  const other = await openTestRooms(t);
  await pullImage(other.context, parseReference(`${proxy.address}/${name}`), { progress: () => undefined });
  assert.deepEqual(
    other.context.layers.list().map(({ diffId }) => diffId),
    rooms.context.layers.list().map(({ diffId }) => diffId),
  );
}

async function checkNothingUnfinished({ rooms: { context } }: World): Promise<void> {
  assert.deepEqual(context.metadata.leases.list(), []);
  assert.deepEqual(await context.content.listIngests(), []);
}

test("streamed push: one upload without a length, told as bytes of the tar; then nothing is sent", async (t) => {
  const world = await openWorld(t);
  const statuses = await world.push("app:1");
  assert.ok(statuses.includes("Pushing") && statuses.includes("Pushed") && !statuses.includes("Compressing"));
  // The layer, then the config, then the manifest.
  assert.deepEqual(
    world.proxy.writes.slice(0, 3).map((line) => line.replace(/ [1-9]\d*$/, " n")),
    ["POST 0", "PATCH chunked", "PUT 0"],
  );
  assert.deepEqual(world.proxy.writes.slice(3, 4), ["POST 0"]);
  await checkPulled(t, world, "app:1");
  await checkNothingUnfinished(world);
  world.proxy.writes.length = 0;
  assert.ok((await world.push("app:1")).includes("Layer already exists"));
  assert.equal(world.proxy.writes.length, 1, "the manifest");
  assert.ok((await world.push("other:1")).includes("Mounted from app"));
});

for (const status of [404, 405, 411, 500]) {
  test(`streamed push: the whole blob in another way when such an upload is answered with ${status}`, async (t) => {
    const world = await openWorld(t);
    world.proxy.refuse = ({ method }) => (method === "PATCH" ? status : undefined);
    assert.ok((await world.push("app:1")).includes("Pushed"));
    world.proxy.refuse = () => undefined;
    await checkPulled(t, world, "app:1");
    await checkNothingUnfinished(world);
  });
}

test("streamed push: what is cut goes on", async (t) => {
  const world = await openWorld(t);
  let cuts = 0;
  world.proxy.cut = ({ method }) => (method === "PATCH" && (cuts += 1) <= 2 ? CUT_BYTES : undefined);
  assert.ok((await world.push("app:1")).includes("Pushed"));
  assert.ok(cuts > 2);
  await checkPulled(t, world, "app:1");
  await checkNothingUnfinished(world);
});

test("streamed push: leaves nothing when it is given up", async (t) => {
  const world = await openWorld(t);
  const abort = new AbortController();
  world.proxy.cut = ({ method }) => {
    if (method === "PATCH") abort.abort();
    return undefined;
  };
  await assert.rejects(world.push("app:1", abort.signal), { category: "cancelled" });
  await checkNothingUnfinished(world);
  assert.ok((await world.push("app:1")).includes("Pushed"));
});

test("streamed push: a registry that denies is told in its words", async (t) => {
  const world = await openWorld(t);
  world.proxy.refuse = ({ method }) => (method === "POST" ? 403 : undefined);
  await assert.rejects(world.push("app:1"), { category: "permission_denied" });
  await checkNothingUnfinished(world);
});

test("streamed push: one that is given up does not end another of the same layer", async (t) => {
  const world = await openWorld(t);
  const abort = new AbortController();
  const second = Promise.withResolvers<readonly string[]>();
  world.proxy.cut = ({ method, url }) => {
    if (method !== "PATCH" || url?.includes("/app/") !== true) return undefined;
    world.push("other:1").then(second.resolve, second.reject);
    setTimeout(() => abort.abort(), 20);
    return CUT_BYTES;
  };
  await assert.rejects(world.push("app:1", abort.signal), { category: "cancelled" });
  assert.ok((await second.promise).includes("Pushed"));
  await checkPulled(t, world, "other:1");
  await checkNothingUnfinished(world);
});

test("streamed push: the compressed layer is the same wherever it goes", async (t) => {
  const [one, two] = [await openWorld(t), await openWorld(t)];
  two.proxy.refuse = ({ method }) => (method === "PATCH" ? 405 : undefined);
  for (const world of [one, two]) await world.push("app:1");
  const blobs = await Promise.all(
    [one, two].map(async ({ rooms }) =>
      (await Array.fromAsync(rooms.context.content.list())).map(({ digest }) => digest),
    ),
  );
  assert.deepEqual(blobs[0]?.sort(), blobs[1]?.sort());
});
