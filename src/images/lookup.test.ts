import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, hexOf, parsePlatform } from "#oci";
import { openTestRooms } from "./testRooms.ts";

test("lookup: by name, tag, digest, ID with and without algorithm, and ID prefix", async (t) => {
  const rooms = await openTestRooms(t);
  const digest = digestOf("m");
  const id = await rooms.addImage({ names: ["docker.io/library/app:1", "app", `app@${digest}`], layers: ["x"] });
  const names = ["app:1", "app", "library/app", "index.docker.io/library/app:1", `app@${digest}`, `app:9@${digest}`];
  for (const name of [...names, id, hexOf(id), hexOf(id).slice(0, 12), id.slice(0, 15), hexOf(id).slice(0, 1)]) {
    assert.equal((await rooms.catalog.lookup(name)).imageId, id, name);
  }
});

test("lookup: gives what running needs", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ names: ["app"], layers: ["x", "y"], config: { Cmd: ["sh"] } });
  const found = await rooms.catalog.lookup("app");
  assert.deepEqual(found.config.config?.Cmd, ["sh"]);
  assert.equal(digestOf(found.rawConfig), id);
  assert.equal(found.diffIds.length, 2);
  assert.ok(found.chainId !== undefined);
});

test("lookup: what is not here is named as dockerd names it", async (t) => {
  const { catalog } = await openTestRooms(t);
  const hex = "1".repeat(64);
  const cases = [
    ["nope", "No such image: nope:latest"],
    ["nope:1", "No such image: nope:1"],
    ["sha256:1234", "No such image: sha256:1234"],
    ["1", "No such image: 1:latest"],
    [hex, `No such image: sha256:${hex}`],
    [`sha256:${hex}`, `No such image: sha256:${hex}`],
    [`a/b@sha256:${hex}`, `No such image: a/b@sha256:${hex}`],
  ] as const;
  for (const [name, message] of cases) await assert.rejects(catalog.lookup(name), { message, category: "not_found" });
  await assert.rejects(catalog.lookup("Bad"), {
    message: /^invalid reference format: repository name \(.*Bad\) must be lowercase$/,
    category: "invalid_argument",
  });
});

test("lookup: an image of another platform than asked for is not found, in Docker's words", async (t) => {
  const { catalog, addImage } = await openTestRooms(t);
  await addImage({ names: ["a:1"] });
  await assert.rejects(catalog.lookup("a:1", parsePlatform("linux/arm64")), {
    category: "not_found",
    message:
      "image with reference a:1 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64",
  });
  await catalog.lookup("a:1", parsePlatform("linux/amd64"));
});

test("lookup: a prefix of several IDs is ambiguous", async (t) => {
  const rooms = await openTestRooms(t);
  const seen = new Set<string>();
  let shared: string | undefined;
  for (let count = 0; shared === undefined; count += 1) {
    const first = hexOf(await rooms.addImage({ more: { comment: String(count) } })).charAt(0);
    if (seen.has(first)) shared = first;
    seen.add(first);
  }
  await assert.rejects(rooms.catalog.lookup(shared), { category: "not_found", message: /^ambiguous reference: / });
});

test("lookup: a name wins over an ID prefix that reads the same", async (t) => {
  const rooms = await openTestRooms(t);
  const other = await rooms.addImage({ more: { comment: "other" } });
  const named = await rooms.addImage({ names: [hexOf(other).slice(0, 6)], more: { comment: "named" } });
  assert.equal((await rooms.catalog.lookup(hexOf(other).slice(0, 6))).imageId, named);
});
