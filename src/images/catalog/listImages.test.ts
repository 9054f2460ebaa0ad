import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, MediaType } from "#oci";
import { filtersOf, openTestRooms } from "../testRooms.ts";
import type { TestRooms } from "../testRooms.ts";

const DIGEST = digestOf("somewhere");

/** Three images, oldest first: `old` (tagged), `dangling`, `new` (two tags, a digest, labels, shares a layer with old). */
async function threeImages(rooms: TestRooms): Promise<{ old: string; dangling: string; young: string }> {
  const old = await rooms.addImage({ names: ["old:1"], layers: ["base"], created: "2024-01-01T00:00:00Z" });
  const dangling = await rooms.addImage({ layers: ["alone"], created: "2025-01-01T00:00:00.5Z" });
  const young = await rooms.addImage({
    names: ["127.0.0.1:5000/team/new:a", "new", `127.0.0.1:5000/team/new@${DIGEST}`],
    layers: ["base", "top!"],
    created: "2026-01-01T00:00:00Z",
    config: { Labels: { stage: "test", empty: "" } },
  });
  return { old, dangling, young };
}

async function ids(rooms: TestRooms, values: Readonly<Record<string, readonly string[]>>): Promise<readonly string[]> {
  return (await rooms.catalog.list({ filters: filtersOf(values) })).map(({ Id }) => Id);
}

test("list: rows have dockerd's fields in its order, newest first", async (t) => {
  const rooms = await openTestRooms(t);
  const { young, dangling, old } = await threeImages(rooms);
  const rows = await rooms.catalog.list({ filters: filtersOf() });
  assert.deepEqual(
    rows.map(({ Id }) => Id),
    [young, dangling, old],
  );
  const [{ Descriptor, ...first } = { Descriptor: undefined }] = rows;
  assert.equal(
    JSON.stringify(first),
    JSON.stringify({
      Containers: -1,
      Created: 1_767_225_600,
      Id: young,
      Labels: { stage: "test", empty: "" },
      ParentId: "",
      RepoDigests: [`127.0.0.1:5000/team/new@${DIGEST}`],
      RepoTags: ["127.0.0.1:5000/team/new:a", "new:latest"],
      SharedSize: -1,
      Size: 8,
    }),
  );
  assert.equal(Descriptor?.mediaType, "application/vnd.oci.image.manifest.v1+json");
  assert.deepEqual(rows[1]?.RepoTags, []);
  assert.deepEqual(rows[1]?.RepoDigests, []);
  assert.equal(rows[1]?.Labels, null);
});

test("list: images of one second come newest first", async (t) => {
  const rooms = await openTestRooms(t);
  const later = await rooms.addImage({ layers: ["a"], created: "2024-01-01T00:00:00.9Z" });
  const earliest = await rooms.addImage({ layers: ["b"], created: "2024-01-01T00:00:00.1Z" });
  const between = await rooms.addImage({ layers: ["c"], created: "2024-01-01T00:00:00.5Z" });
  assert.deepEqual(await ids(rooms, {}), [later, between, earliest]);
});

test("list: shared sizes count the stacks that other images hold too", async (t) => {
  const rooms = await openTestRooms(t);
  const { young, dangling, old } = await threeImages(rooms);
  const rows = await rooms.catalog.list({ filters: filtersOf(), sharedSize: true });
  const shared = new Map(rows.map((row) => [row.Id, row.SharedSize]));
  assert.deepEqual([shared.get(young), shared.get(dangling), shared.get(old)], [4, 0, 4]);
});

test("list: dangling, label, reference filters", async (t) => {
  const rooms = await openTestRooms(t);
  const { young, dangling, old } = await threeImages(rooms);
  assert.deepEqual(await ids(rooms, { dangling: ["true"] }), [dangling]);
  assert.deepEqual(await ids(rooms, { dangling: ["false"] }), [young, old]);
  assert.deepEqual(await ids(rooms, { label: ["stage"] }), [young]);
  assert.deepEqual(await ids(rooms, { label: ["stage=test", "empty="] }), [young]);
  assert.deepEqual(await ids(rooms, { label: ["stage=live"] }), []);
  assert.deepEqual(await ids(rooms, { reference: ["old"] }), [old]);
  assert.deepEqual(await ids(rooms, { reference: ["*:1"] }), [old]);
  assert.deepEqual(await ids(rooms, { reference: ["old", "*/team/*"] }), [young, old]);
});

test("list: a reference filter shows only the names that match", async (t) => {
  const rooms = await openTestRooms(t);
  await threeImages(rooms);
  const [row] = await rooms.catalog.list({ filters: filtersOf({ reference: ["new"] }) });
  assert.deepEqual([row?.RepoTags, row?.RepoDigests], [["new:latest"], []]);
});

test("list: before, since and until are exclusive bounds; of several the narrowest counts", async (t) => {
  const rooms = await openTestRooms(t);
  const { young, dangling, old } = await threeImages(rooms);
  assert.deepEqual(await ids(rooms, { before: ["new"] }), [dangling, old]);
  assert.deepEqual(await ids(rooms, { since: ["old:1"] }), [young, dangling]);
  assert.deepEqual(await ids(rooms, { since: ["old:1"], before: ["new"] }), [dangling]);
  assert.deepEqual(await ids(rooms, { before: ["new", dangling] }), [old]);
  assert.deepEqual(await ids(rooms, { until: ["2025-01-01T00:00:00Z"] }), [old]);
  assert.deepEqual(await ids(rooms, { until: ["10m"] }), [young, dangling, old]);
});

test("list: bad filters are refused with dockerd's words", async (t) => {
  const { catalog } = await openTestRooms(t);
  const cases: readonly (readonly [Readonly<Record<string, readonly string[]>>, string])[] = [
    [{ x: ["y"] }, "invalid filter 'x'"],
    [{ "label!": ["a"] }, "invalid filter 'label!'"],
    [{ dangling: ["maybe"] }, "invalid filter 'dangling=[maybe]'"],
    [{ reference: ["["] }, "syntax error in pattern"],
    [{ until: ["foo"] }, 'failed to parse value as time or duration: "foo"'],
    [{ before: ["nope"] }, "No such image: nope:latest"],
  ];
  for (const [values, message] of cases)
    await assert.rejects(catalog.list({ filters: filtersOf(values) }), { message });
});

test("list: an image whose config is gone is still shown and can be removed", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ names: ["broken"], layers: ["x"] });
  await rooms.context.content.remove(id);
  const [row] = await rooms.catalog.list({ filters: filtersOf() });
  assert.deepEqual([row?.Id, row?.Created, row?.Labels], [id, 0, null]);
  const items = await rooms.catalog.remove("broken", { force: false, noPrune: false });
  assert.deepEqual(items.slice(0, 2), [{ Untagged: "broken:latest" }, { Deleted: id }]);
});

test("list: manifests tell the platform that is here", async (t) => {
  const rooms = await openTestRooms(t);
  await rooms.addImage({ names: ["a"], layers: ["12345"] });
  const [row] = await rooms.catalog.list({ filters: filtersOf(), manifests: true });
  const [manifest] = row?.Manifests ?? [];
  assert.equal(manifest?.Available, true);
  assert.deepEqual(manifest?.ImageData?.Platform, { architecture: "amd64", os: "linux" });
  assert.equal(manifest?.ImageData?.Size.Unpacked, 5);
  assert.equal(row?.Size, manifest?.Size.Total);
});

test("list: manifests of an index tell the platforms and attestations that are not here", async (t) => {
  const rooms = await openTestRooms(t);
  const id = await rooms.addImage({ names: ["a"], layers: ["12345"] });
  const { images } = rooms.context.metadata;
  const own = images.getContent(id)?.manifest;
  const far = { mediaType: own?.mediaType, digest: digestOf("far"), size: 7 };
  const index = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.OCI_INDEX,
      manifests: [
        { ...far, platform: { os: "linux", architecture: "arm64", variant: "v8" } },
        { ...own, platform: { os: "linux", architecture: "amd64" } },
        {
          ...far,
          platform: { os: "unknown", architecture: "unknown" },
          annotations: {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": own?.digest,
          },
        },
      ],
    }),
  );
  const { digest, size } = await rooms.context.content.put(index);
  const record = images.get("docker.io/library/a:latest");
  assert.ok(record !== undefined);
  images.put({ ...record, target: { mediaType: MediaType.OCI_INDEX, digest, size } });
  const [row] = await rooms.catalog.list({ filters: filtersOf(), manifests: true });
  assert.equal(row?.Descriptor?.digest, digest);
  assert.deepEqual(
    row?.Manifests?.map(({ Kind, Available, Descriptor, AttestationData }) => [
      Kind,
      Available,
      Descriptor.platform?.["architecture"],
      AttestationData?.For,
    ]),
    [
      ["image", false, "arm64", undefined],
      ["image", true, "amd64", undefined],
      ["attestation", false, "unknown", own?.digest],
    ],
  );
});
