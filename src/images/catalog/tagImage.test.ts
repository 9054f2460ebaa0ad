import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, parseReference } from "#oci";
import { openTestRooms } from "../testRooms.ts";

test("tag: adds a name, latest by default, and tells it with the image's labels", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ names: ["app:1"], layers: ["x"], config: { Labels: { a: "b" } } });
  await rooms.catalog.tag("app:1", parseReference("127.0.0.1:5000/other"));
  assert.deepEqual((await rooms.catalog.inspect(id)).RepoTags, ["127.0.0.1:5000/other:latest", "app:1"]);
  assert.deepEqual(rooms.events, [
    { Type: "image", Action: "tag", Actor: { ID: id, Attributes: { a: "b", name: "127.0.0.1:5000/other:latest" } } },
  ]);
});

test("tag: moves a name, and the image it left stays, dangling", async (t) => {
  const rooms = await openTestRooms(t);
  const left = await rooms.addImage({ names: ["app:1"], layers: ["x"] });
  const next = await rooms.addImage({ names: ["app:2"], layers: ["y"] });
  await rooms.catalog.tag("app:2", parseReference("app:1"));
  assert.equal((await rooms.catalog.lookup("app:1")).imageId, next);
  assert.deepEqual((await rooms.catalog.inspect(left)).RepoTags, []);
});

test("tag: keeps what the source's name names as the target of the new one", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["app:1"], layers: ["x"] });
  await rooms.catalog.tag("app:1", parseReference("app:2"));
  const { images } = rooms.context.metadata;
  assert.deepEqual(images.get("docker.io/library/app:2")?.target, images.get("docker.io/library/app:1")?.target);
});

test("tag: refuses digests, names that read like a digest, and images that are not here", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["app"] });
  const cases = [
    [`a@${digestOf("x")}`, "cannot import digest reference"],
    ["sha256:1", "refusing to create an ambiguous tag using digest algorithm as name"],
  ] as const;
  for (const [name, message] of cases) {
    await assert.rejects(rooms.catalog.tag("app", parseReference(name)), { message, category: "invalid_argument" });
  }
  await assert.rejects(rooms.catalog.tag("nope", parseReference("x")), { message: "No such image: nope:latest" });
  assert.deepEqual(rooms.events, []);
});
