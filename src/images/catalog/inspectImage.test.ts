import assert from "node:assert/strict";
import { test } from "node:test";
import { openTestRooms } from "../testRooms.ts";

test("inspect: has dockerd's fields in its order", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({
    names: ["app:1"],
    layers: ["hello"],
    created: "2026-11-21T04:26:05.364040597Z",
    config: { Env: ["PATH=/bin"], Cmd: ["y"], ArgsEscaped: true, Labels: { foo: "bar" } },
    history: [
      { created: "2026-11-21T04:26:04Z", comment: "hi" },
      { comment: "buildkit.dockerfile.v0", empty_layer: true },
    ],
  });
  const { diffIds } = await rooms.catalog.lookup("app:1");
  const { Descriptor, GraphDriver, ...rest } = await rooms.catalog.inspect("app:1");
  assert.equal(
    JSON.stringify(rest),
    `{"Id":"${id}","RepoTags":["app:1"],"RepoDigests":[],"Parent":"","Comment":"buildkit.dockerfile.v0",` +
      `"Created":"2026-11-21T04:26:05.364040597Z","DockerVersion":"","Author":"","Config":{"Hostname":"","Domainname":"",` +
      `"User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"Tty":false,"OpenStdin":false,` +
      `"StdinOnce":false,"Env":["PATH=/bin"],"Cmd":["y"],"ArgsEscaped":true,"Image":"","Volumes":null,"WorkingDir":"",` +
      `"Entrypoint":null,"OnBuild":null,"Labels":{"foo":"bar"}},"Architecture":"amd64","Os":"linux","Size":5,` +
      `"RootFS":{"Type":"layers","Layers":["${diffIds[0]}"]},"Metadata":{"LastTagTime":"0001-01-01T00:00:00Z"}}`,
  );
  assert.equal(GraphDriver.Name, "overlay2");
  assert.deepEqual(Object.keys(GraphDriver.Data ?? {}).sort(), ["MergedDir", "UpperDir", "WorkDir"]);
  assert.ok((Descriptor?.size ?? 0) > 0);
});

test("inspect: an image without layers, names or config", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ more: { author: "me", comment: "c", variant: "v2", docker_version: "1" } });
  const image = await rooms.catalog.inspect(id);
  assert.deepEqual(
    [image.RepoTags, image.Config, image.GraphDriver.Data, image.RootFS, image.Size],
    [[], null, null, { Type: "layers" }, 0],
  );
  assert.deepEqual([image.Author, image.Comment, image.Variant, image.DockerVersion], ["me", "c", "v2", "1"]);
  assert.equal(image.Metadata.LastTagTime, "0001-01-01T00:00:00Z");
});

test("inspect: tagging sets LastTagTime", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ layers: ["x"] });
  await rooms.catalog.tag(id, { domain: "docker.io", path: "library/x" });
  const image = await rooms.catalog.inspect("x");
  assert.equal(image.Metadata.LastTagTime, "2026-11-21T00:00:00Z");
});

test("history: newest first, sizes on entries that made a layer, ID and tags on the first", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({
    names: ["app:1", "app:2"],
    layers: ["12345", "123"],
    history: [
      { created: "2026-11-21T04:26:04.957Z", comment: "hi" },
      { created: "2026-11-21T04:26:05Z", created_by: "LABEL foo=bar", empty_layer: true },
      { created: "2026-11-21T04:26:06Z", created_by: "COPY a /a", comment: "buildkit.dockerfile.v0" },
    ],
  });
  const rest = { Id: "<missing>", Tags: null };
  assert.deepEqual(await rooms.catalog.history("app:1"), [
    {
      Comment: "buildkit.dockerfile.v0",
      Created: 1_795_235_166,
      CreatedBy: "COPY a /a",
      Id: id,
      Size: 3,
      Tags: ["app:1", "app:2"],
    },
    { Comment: "", Created: 1_795_235_165, CreatedBy: "LABEL foo=bar", Size: 0, ...rest },
    { Comment: "hi", Created: 1_795_235_164, CreatedBy: "", Size: 5, ...rest },
  ]);
});

test("history: empty when the config tells none; more entries than layers do no harm", async (t) => {
  const rooms = await openTestRooms(t);
  const none = await rooms.addImage({ layers: ["x"] });
  assert.deepEqual(await rooms.catalog.history(none), []);
  const many = await rooms.addImage({ layers: ["x"], history: [{}, {}] });
  assert.deepEqual(
    (await rooms.catalog.history(many)).map(({ Size, Created }) => [Size, Created]),
    [
      [0, 0],
      [1, 0],
    ],
  );
});
