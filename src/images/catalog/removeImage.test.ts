import assert from "node:assert/strict";
import { test } from "node:test";
import { chainIdsOf, digestOf, hexOf } from "#oci";
import type { Digest } from "#oci";
import { openTestRooms } from "../testRooms.ts";
import type { TestRooms } from "../testRooms.ts";

const CONTAINER = "218e5a6b00ce9103c3726e90a5bea9355fe43a6504e89416840c7dc5fb0c9865";
const DIGEST = digestOf("manifest");

async function chainOf(rooms: TestRooms, name: string): Promise<readonly string[]> {
  return chainIdsOf((await rooms.catalog.lookup(name)).diffIds).reverse();
}

function remove(rooms: TestRooms, name: string, force = false): ReturnType<TestRooms["catalog"]["remove"]> {
  return rooms.catalog.remove(name, { force, noPrune: false });
}

function use(rooms: TestRooms, imageId: Digest, running: boolean): void {
  rooms.users.set(imageId, [{ id: CONTAINER, running }]);
}

const actions = (rooms: TestRooms): readonly string[] => rooms.events.map(({ Action }) => Action);

test("remove: the last name takes the image, its digests and its layers, top first", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ names: ["r:5000/app:1", `r:5000/app@${DIGEST}`], layers: ["x", "y"] });
  const chain = await chainOf(rooms, id);
  assert.deepEqual(await remove(rooms, "r:5000/app:1"), [
    { Untagged: "r:5000/app:1" },
    { Untagged: `r:5000/app@${DIGEST}` },
    { Deleted: id },
    ...chain.map((Deleted) => ({ Deleted })),
  ]);
  assert.equal(rooms.context.layers.list().length, 0);
  assert.equal(rooms.context.metadata.snapshots.list().length, 0);
  assert.equal(await rooms.context.content.info(id), undefined);
  assert.deepEqual(actions(rooms), ["untag", "delete"]);
});

test("remove: one of several names only goes itself", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ names: ["app:1", "app:2", `app@${DIGEST}`], layers: ["x"] });
  assert.deepEqual(await remove(rooms, "app:1"), [{ Untagged: "app:1" }]);
  assert.deepEqual((await rooms.catalog.inspect(id)).RepoDigests, [`app@${DIGEST}`]);
  assert.deepEqual(actions(rooms), ["untag"]);
});

test("remove: digests of a repository go with its last tag, those of another stay", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["app:1", `app@${DIGEST}`, `other@${DIGEST}`], layers: ["x"] });
  assert.deepEqual(await remove(rooms, "app:1"), [{ Untagged: "app:1" }, { Untagged: `app@${DIGEST}` }]);
  assert.equal(rooms.catalog.count(), 1);
});

test("remove: a digest name leaves the tags", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["app:1", `app@${DIGEST}`], layers: ["x"] });
  assert.deepEqual(await remove(rooms, `app@${DIGEST}`), [{ Untagged: `app@${DIGEST}` }]);
  assert.equal((await rooms.catalog.inspect("app:1")).RepoTags.length, 1);
});

test("remove: by ID when all names are of one repository", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ names: ["app:1", `app@${DIGEST}`], layers: ["x"] });
  const chain = await chainOf(rooms, id);
  assert.deepEqual(await remove(rooms, hexOf(id).slice(0, 12)), [
    { Untagged: "app:1" },
    { Untagged: `app@${DIGEST}` },
    { Deleted: id },
    { Deleted: chain[0] },
  ]);
  // dockerd tells of every name here, digests too, but of a lonely digest that goes with its tag it does not.
  assert.deepEqual(actions(rooms), ["untag", "untag", "delete"]);
});

test("remove: by ID is refused with several repositories, and takes all names by force", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ names: ["a", "b"], layers: ["x"] });
  const short = hexOf(id).slice(0, 12);
  await assert.rejects(remove(rooms, short), {
    category: "conflict",
    message: `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
  });
  assert.deepEqual((await remove(rooms, short, true)).slice(0, 3), [
    { Untagged: "a:latest" },
    { Untagged: "b:latest" },
    { Deleted: id },
  ]);
});

test("remove: layers that another image stands on stay and are not told", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["base"], layers: ["x"] });
  const id = await rooms.addImage({ names: ["top"], layers: ["x", "y"] });
  const [top] = await chainOf(rooms, id);
  assert.deepEqual(await remove(rooms, "top"), [{ Untagged: "top:latest" }, { Deleted: id }, { Deleted: top }]);
  assert.equal(rooms.context.layers.list().length, 1);
});

test("remove: refuses the only name of an image that a container uses", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ names: ["app:1"], layers: ["x"] });
  const short = hexOf(id).slice(0, 12);
  use(rooms, id, false);
  await assert.rejects(remove(rooms, "app:1"), {
    message: `conflict: unable to remove repository reference "app:1" (must force) - container 218e5a6b00ce is using its referenced image ${short}`,
  });
  await assert.rejects(remove(rooms, short), {
    message: `conflict: unable to delete ${short} (must be forced) - image is being used by stopped container 218e5a6b00ce`,
  });
  use(rooms, id, true);
  for (const force of [false, true]) {
    await assert.rejects(remove(rooms, short, force), {
      message: `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container 218e5a6b00ce`,
    });
  }
  assert.deepEqual((await rooms.catalog.inspect(id)).RepoTags, ["app:1"]);
  assert.deepEqual(actions(rooms), []);
});

test("remove: force takes the name of a running container's image and leaves the image dangling", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ names: ["app:1"], layers: ["x"] });
  use(rooms, id, true);
  assert.deepEqual(await remove(rooms, "app:1", true), [{ Untagged: "app:1" }]);
  assert.deepEqual((await rooms.catalog.inspect(id)).RepoTags, []);
});

test("remove: a container's layers outlive the image that was removed by force", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ names: ["app:1"], layers: ["x"] });
  const { chainId } = await rooms.catalog.lookup(id);
  await rooms.context.snapshots.prepare(CONTAINER, chainId);
  rooms.context.metadata.containers.put({ id: CONTAINER, name: "c", imageId: id, document: "{}" });
  use(rooms, id, false);
  assert.deepEqual(await remove(rooms, "app:1", true), [{ Untagged: "app:1" }, { Deleted: id }]);
  assert.equal(rooms.context.layers.list().length, 1);
});

test("remove: what is not here", async (t) => {
  const rooms = await openTestRooms(t);
  await assert.rejects(remove(rooms, "nope"), { category: "not_found", message: "No such image: nope:latest" });
  await assert.rejects(remove(rooms, "3393b846efd2"), { message: "No such image: 3393b846efd2:latest" });
});

test("remove: two removals of one image at once end as one", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["app:1"], layers: ["x"] });
  const results = await Promise.allSettled([remove(rooms, "app:1"), remove(rooms, "app:1")]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(rooms.catalog.count(), 0);
});
