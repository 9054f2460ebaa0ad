import assert from "node:assert/strict";
import { test } from "node:test";
import { chainIdsOf, digestOf } from "#oci";
import { filtersOf, openTestRooms } from "../testRooms.ts";

test("prune: takes dangling images, also those with digests only, and leaves tagged ones", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["kept"], layers: ["k"] });
  const lone = await rooms.addImage({ layers: ["x"] });
  const digest = digestOf("m");
  const byDigest = await rooms.addImage({ names: [`app@${digest}`], layers: ["y"] });
  const chains = new Map(
    [lone, byDigest].map((id) => [id, chainIdsOf(rooms.context.metadata.images.getContent(id)?.diffIds ?? [])[0]]),
  );
  const report = await rooms.catalog.prune(filtersOf());
  const told = report.ImagesDeleted?.map((item) => item.Untagged ?? item.Deleted) ?? [];
  assert.deepEqual(new Set(told), new Set([`app@${digest}`, lone, byDigest, ...chains.values()]));
  assert.ok(report.SpaceReclaimed > 0);
  assert.equal(rooms.context.layers.list().length, 1);
  assert.deepEqual(rooms.events.at(-1), {
    Type: "image",
    Action: "prune",
    Actor: { ID: "", Attributes: { reclaimed: String(report.SpaceReclaimed) } },
  });
});

test("prune: dangling=false takes all that no container uses", async (t) => {
  const rooms = await openTestRooms(t);
  const used = await rooms.addImage({ names: ["used"], layers: ["u"] });
  await rooms.addImage({ names: ["a:1", "b:1"], layers: ["x"] });
  rooms.users.set(used, [{ id: "c".repeat(64), running: false }]);
  const report = await rooms.catalog.prune(filtersOf({ dangling: ["false"] }));
  assert.deepEqual(report.ImagesDeleted?.slice(0, 2), [{ Untagged: "a:1" }, { Untagged: "b:1" }]);
  assert.deepEqual(
    (await rooms.catalog.list({ filters: filtersOf() })).map(({ Id }) => Id),
    [used],
  );
});

test("prune: until and label filters", async (t) => {
  const rooms = await openTestRooms(t);
  const young = await rooms.addImage({ layers: ["x"], created: "2026-11-20T23:00:00Z" });
  const labelled = await rooms.addImage({ layers: ["y"], config: { Labels: { keep: "yes" } } });
  const other = await rooms.addImage({ layers: ["z"], config: { Labels: { keep: "no" } } });
  const left = async (): Promise<readonly string[]> =>
    (await rooms.catalog.list({ filters: filtersOf() })).map(({ Id }) => Id).toSorted();
  await rooms.catalog.prune(filtersOf({ until: ["24h"], "label!": ["keep=yes"] }));
  assert.deepEqual(await left(), [young, labelled].toSorted());
  assert.ok(!(await left()).includes(other));
  await rooms.catalog.prune(filtersOf({ label: ["keep"] }));
  assert.deepEqual(await left(), [young]);
});

test("prune: nothing to do is null and 0", async (t) => {
  const rooms = await openTestRooms(t);
  assert.deepEqual(await rooms.catalog.prune(filtersOf()), { ImagesDeleted: null, SpaceReclaimed: 0 });
});

test("prune: bad filters, and a second prune at the same time", async (t) => {
  const { catalog } = await openTestRooms(t);
  await assert.rejects(catalog.prune(filtersOf({ x: ["y"] })), { message: "invalid filter 'x'" });
  await assert.rejects(catalog.prune(filtersOf({ until: ["1h", "2h"] })), {
    message: "more than one until filter specified",
  });
  const first = catalog.prune(filtersOf());
  await assert.rejects(catalog.prune(filtersOf()), {
    category: "conflict",
    message: "a prune operation is already running",
  });
  await first;
});

test("disk usage: layers and blobs once each, shared bytes and containers per image", async (t) => {
  const rooms = await openTestRooms(t);
  const base = await rooms.addImage({ names: ["base"], layers: ["12345"] });
  const top = await rooms.addImage({ names: ["top"], layers: ["12345", "678"] });
  rooms.users.set(top, [{ id: "c".repeat(64), running: true }]);
  const usage = await rooms.catalog.diskUsage();
  const rows = new Map(usage.Images.map((row) => [row.Id, [row.Size, row.SharedSize, row.Containers]]));
  assert.deepEqual(rows.get(base), [5, 5, 0]);
  assert.deepEqual(rows.get(top), [8, 5, 1]);
  let blobs = 0;
  for await (const { size } of rooms.context.content.list()) blobs += size;
  const layers = rooms.context.layers.list().reduce((sum, { fileBytes }) => sum + fileBytes, 0);
  assert.equal(usage.LayersSize, layers + blobs);
  assert.equal(rooms.catalog.count(), 2);
});
