import assert from "node:assert/strict";
import { test } from "node:test";
import { openTestRooms, testFile } from "../testRooms.ts";
import { createExporter } from "./createExporter.ts";
import { testJob, testTarget } from "./testJob.ts";

test("moby export: the image is here under all its names, and its layers are what the build made", async (t) => {
  const rooms = await openTestRooms(t);
  const layer = await rooms.addLayer([testFile("a", "1")]);
  const attributes = { name: "docker.io/library/x,docker.io/library/y:2" };
  const { job, lines } = testJob([testTarget([layer])], [{ type: "moby", attributes }]);
  const response = await createExporter(rooms).export(job);
  const id = response["containerimage.digest"] ?? "";
  assert.deepEqual(response, {
    "containerimage.config.digest": id,
    "containerimage.digest": id,
    "image.name": "docker.io/library/x,docker.io/library/y:2",
  });
  assert.deepEqual(lines, [
    "exporting to image",
    "exporting layers",
    `writing image ${id}`,
    "naming to docker.io/library/x",
    "naming to docker.io/library/y:2",
  ]);
  const inspect = await rooms.images.inspect("y:2");
  assert.equal(inspect.Id, id);
  assert.deepEqual(inspect.RepoTags, ["x:latest", "y:2"]);
  assert.deepEqual(inspect.RootFS.Layers, [layer]);
  assert.deepEqual(inspect.Config?.["Cmd"], ["sh"]);
});

test("moby export: the same result has the same ID, without a name it is dangling", async (t) => {
  const rooms = await openTestRooms(t);
  const layer = await rooms.addLayer([testFile("a", "1")]);
  const { job } = testJob([testTarget([layer])], [{ type: "moby", attributes: {} }]);
  const exporter = createExporter(rooms);
  const first = await exporter.export(job);
  assert.deepEqual(await exporter.export(job), first);
  assert.equal(first["image.name"], undefined);
  const inspect = await rooms.images.inspect(first["containerimage.digest"] ?? "");
  assert.deepEqual(inspect.RepoTags, []);
});

test("exporter: nothing is written when one of the exports is not known", async (t) => {
  const rooms = await openTestRooms(t);
  const { job } = testJob(
    [testTarget([])],
    [
      { type: "moby", attributes: { name: "x" } },
      { type: "nosuch", attributes: {} },
    ],
  );
  await assert.rejects(createExporter(rooms).export(job), { message: 'exporter "nosuch" could not be found' });
  assert.equal(rooms.images.count(), 0);
});
