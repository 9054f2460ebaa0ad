import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePlatform } from "#oci";
import { readTarStream } from "#tar";
import { saveImages } from "./save.ts";
import { gather, load } from "./testArchive.ts";
import { openTestRooms } from "./testRooms.ts";
import type { TestRooms } from "./testRooms.ts";

async function save({ context }: TestRooms, ...names: readonly string[]): Promise<Buffer> {
  return gather(await saveImages(context, names));
}

async function membersOf(archive: Buffer): Promise<ReadonlyMap<string, Buffer>> {
  const members = new Map<string, Buffer>();
  for await (const { entry, body } of readTarStream([archive])) {
    assert.ok(!members.has(entry.path), `${entry.path} is there once`);
    members.set(entry.path, await gather(body));
  }
  return members;
}

async function documentOf(archive: Buffer, path: string): Promise<unknown> {
  return JSON.parse((await membersOf(archive)).get(path)?.toString() ?? assert.fail(`${path} is missing`));
}

async function tagsOf(archive: Buffer): Promise<readonly unknown[]> {
  const entries = await documentOf(archive, "manifest.json");
  assert.ok(Array.isArray(entries));
  return entries.map((entry: { readonly RepoTags: unknown }) => entry.RepoTags);
}

test("save: both layouts are in one tar, in docker's order", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["t/one:1"], layers: ["a", "b"] });
  const paths = [...(await membersOf(await save(rooms, "t/one:1"))).keys()];
  assert.deepEqual(paths.slice(0, 2), ["blobs/", "blobs/sha256/"]);
  assert.deepEqual(paths.slice(-4), ["index.json", "manifest.json", "oci-layout", "repositories"]);
  const blobs = paths.slice(2, -4);
  assert.equal(blobs.length, 4);
  assert.deepEqual(blobs, [...blobs].sort());
});

test("save: load and save again give the same bytes, wherever", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["t/one:1", "t/one:2"], layers: ["a", "b"] });
  await rooms.addImage({ names: ["t/two:1"], layers: ["a", "c"] });
  const names = ["t/two:1", "t/one"];
  const archive = await save(rooms, ...names);
  const other = await openTestRooms(t);
  await load(other.context, archive);
  assert.ok(archive.equals(await save(other, ...names)));
  assert.ok(archive.equals(await save(rooms, ...[...names].reverse())), "whatever the order of names");
});

test("save: layers that images share are written once", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["t/one:1"], layers: ["a", "b"] });
  await rooms.addImage({ names: ["t/two:1"], layers: ["a", "c"] });
  const members = await membersOf(await save(rooms, "t/one:1", "t/two:1"));
  assert.equal([...members.keys()].filter((path) => /[0-9a-f]{64}$/.test(path)).length, 3 + 2 + 2);
});

test("save: a repository saves all its tags, a tag itself, an ID no name", async (t) => {
  const rooms = await openTestRooms(t);
  const imageId = await rooms.addImage({ names: ["t/one:1", "t/one:2", "t/other:1"], layers: ["a"] });
  assert.deepEqual(await tagsOf(await save(rooms, "t/one")), [["t/one:1", "t/one:2"]]);
  assert.deepEqual(await tagsOf(await save(rooms, "t/one:2")), [["t/one:2"]]);
  assert.deepEqual(await tagsOf(await save(rooms, imageId)), [null]);
  assert.deepEqual(await tagsOf(await save(rooms, imageId.slice(7, 19))), [null]);
  assert.deepEqual(await tagsOf(await save(rooms, imageId, "t/other:1")), [["t/other:1"]]);
});

test("save: an image without a name has no repositories file", async (t) => {
  const rooms = await openTestRooms(t);
  const imageId = await rooms.addImage({ layers: ["a"] });
  assert.ok(!(await membersOf(await save(rooms, imageId))).has("repositories"));
});

test("save: index.json annotates each name as containerd and OCI do", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["t/one:1"], layers: ["a"] });
  const index = await documentOf(await save(rooms, "t/one"), "index.json");
  assert.deepEqual(
    (index as { readonly manifests: readonly { readonly annotations: unknown }[] }).manifests.map(
      ({ annotations }) => annotations,
    ),
    [{ "io.containerd.image.name": "docker.io/t/one:1", "org.opencontainers.image.ref.name": "1" }],
  );
});

test("save: every name is checked before the first byte", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["t/one:1"], layers: ["a"] });
  const saving = saveImages(rooms.context, ["t/one:1", "nosuch"]);
  await assert.rejects(saving, { category: "not_found", message: "No such image: nosuch" });
  await assert.rejects(saveImages(rooms.context, ["a/B"]), { code: "INVALID_REFERENCE" });
  assert.deepEqual(rooms.events, []);
});

test("save: --platform refuses an image of another", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["t/one:1"], layers: ["a"] });
  const saving = saveImages(rooms.context, ["t/one:1"], { platform: parsePlatform("linux/arm64") });
  await assert.rejects(saving, {
    message: "image with reference t/one:1 was found but does not provide the specified platform (linux/arm64)",
  });
});

test("save: no lease stays when the reader goes early", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["t/one:1"], layers: ["a"] });
  for await (const _chunk of await saveImages(rooms.context, ["t/one:1"])) break;
  await saveImages(rooms.context, ["t/one:1"]);
  assert.deepEqual(rooms.context.metadata.leases.list(), []);
});
