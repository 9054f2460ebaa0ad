import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { findProgram, runProgram } from "#host";
import { MediaType, parsePlatform } from "#oci";
import { loadArchive } from "./load.ts";
import { saveImages } from "./save.ts";
import { blobName, chunksOf, configOf, dockerMembers, gather, load, sha256, tarOf } from "./testArchive.ts";
import type { TestMember } from "./testArchive.ts";
import { openTestRooms } from "./testRooms.ts";
import type { TestRooms } from "./testRooms.ts";

const FIXTURES = resolve(import.meta.dirname, "../../../shared/fixtures/images");

async function compressWith(input: Uint8Array, name: string): Promise<Uint8Array> {
  const file = findProgram(name) ?? assert.fail(`${name} is not installed`);
  return (await runProgram({ file, args: ["-c"], input })).stdout;
}

/** An OCI layout of one image with one layer, in the form given. */
async function ociMembers(
  compress: (tar: Uint8Array) => Uint8Array,
  mediaType: string,
  annotations: Readonly<Record<string, string>> = {},
): Promise<{ readonly members: readonly TestMember[]; readonly manifest: string; readonly config: string }> {
  const tar = await tarOf([["hello", "oci"]]);
  const blob = compress(tar);
  const config = configOf([tar]);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MediaType.OCI_MANIFEST,
    config: { mediaType: MediaType.OCI_CONFIG, digest: sha256(config), size: config.length },
    layers: [{ mediaType, digest: sha256(blob), size: blob.length }],
  });
  const descriptor = {
    mediaType: MediaType.OCI_MANIFEST,
    digest: sha256(manifest),
    size: manifest.length,
    annotations,
  };
  const members: TestMember[] = [
    ["oci-layout", '{"imageLayoutVersion":"1.0.0"}'],
    ["index.json", JSON.stringify({ schemaVersion: 2, manifests: [descriptor] })],
    [blobName(blob), blob],
    [blobName(config), config],
    [blobName(manifest), manifest],
  ];
  return { members, manifest, config };
}

test("load: the fixtures of other tools give the image IDs that dockerd gives", async (t) => {
  if (!existsSync(FIXTURES)) return t.diagnostic("7 cases left out: no fixtures");
  const { context } = await openTestRooms(t);
  const oci = "Loaded image ID: sha256:3eaccc100f866490f00ae82727b459a737af031dcf44c791d8aa714a70f24959\n";
  const expected: Readonly<Record<string, string>> = {
    "test-docker-image.tar": "Loaded image: dive-test:latest\n",
    "test-kaniko-image.tar": "Loaded image: dive-test:kaniko-latest\n",
    "test-oci-estargz-image.tar":
      "Loaded image ID: sha256:5c153971f5feeb018fab88c379f94ef9171ba1990163d32852fd27bf55ed5b74\n",
    "test-oci-gzip-image.tar": oci,
    "test-oci-uncompressed-image.tar": oci,
    "test-oci-zstd-image.tar": oci,
  };
  for (const name of readdirSync(FIXTURES)) {
    const loading = load(context, readFileSync(join(FIXTURES, name)));
    const line = expected[name];
    // That one is a layer, not an image.
    if (line === undefined) await assert.rejects(loading, { code: "INVALID_ARCHIVE" }, name);
    else assert.deepEqual(await loading, [line], name);
  }
  const ids = context.metadata.images.list().map(({ imageId }) => imageId.slice(7, 19));
  assert.deepEqual(ids.sort(), ["75ae28b8ebf8", "ae16a51058a7"]);
});

for (const [name, compress] of [
  ["plain", (bytes: Uint8Array) => bytes],
  ["gzip", (bytes: Uint8Array) => gzipSync(bytes)],
  ["zstd", (bytes: Uint8Array) => zstdCompressSync(bytes)],
  ["xz", compressWith],
  ["bzip2", compressWith],
] as const) {
  test(`load: the archive may be ${name}`, async (t) => {
    const { context } = await openTestRooms(t);
    const archive = await compress(await tarOf(await dockerMembers()), name);
    assert.deepEqual(await load(context, archive), ["Loaded image: t/one:1\n"]);
  });
}

test("load: members may come in any order", async (t) => {
  const { context } = await openTestRooms(t);
  const members = [...(await dockerMembers())].reverse();
  assert.deepEqual(await load(context, await tarOf(members)), ["Loaded image: t/one:1\n"]);
});

test("load: a link to a layer is that layer, as kaniko and old docker write it", async (t) => {
  const { context } = await openTestRooms(t);
  const layer = await tarOf([["hello", "world"]]);
  const manifest = [{ Config: "c.json", RepoTags: null, Layers: ["a/layer.tar", "b/layer.tar"] }];
  const config = configOf([layer, layer]);
  const archive = await tarOf([
    ["b/layer.tar", { type: "symlink", linkPath: "../a/layer.tar" }],
    ["a/layer.tar", layer],
    ["c.json", config],
    ["manifest.json", JSON.stringify(manifest)],
  ]);
  assert.deepEqual(await load(context, archive), [`Loaded image ID: ${sha256(config)}\n`]);
});

test("load: an OCI layout keeps its manifest and its compressed layers", async (t) => {
  const { context } = await openTestRooms(t);
  const annotations = { "io.containerd.image.name": "docker.io/t/oci:2" };
  const { members, manifest, config } = await ociMembers(gzipSync, MediaType.OCI_LAYER_GZIP, annotations);
  assert.deepEqual(await load(context, await tarOf(members)), ["Loaded image: t/oci:2\n"]);
  const record = context.metadata.images.getContent(sha256(config));
  assert.equal(record?.manifest.digest, sha256(manifest));
  const [form] = context.metadata.layers.getCompressed(record.diffIds[0] ?? assert.fail());
  assert.equal(form?.compression, "gzip");
  await context.collector.collect({ ingests: "all" });
  assert.ok(await context.content.info(form.blob.digest));
});

test("load: a bare tag in an OCI layout names no repository", async (t) => {
  const { context } = await openTestRooms(t);
  const annotations = { "org.opencontainers.image.ref.name": "latest" };
  const { members, config } = await ociMembers(zstdCompressSync, MediaType.OCI_LAYER_ZSTD, annotations);
  assert.deepEqual(await load(context, await tarOf(members)), [`Loaded image ID: ${sha256(config)}\n`]);
});

test("load: an image that is here keeps its registry manifest when it comes back as plain tars", async (t) => {
  const { context } = await openTestRooms(t);
  const annotations = { "io.containerd.image.name": "docker.io/t/oci:2" };
  const { members, manifest, config } = await ociMembers(gzipSync, MediaType.OCI_LAYER_GZIP, annotations);
  await load(context, await tarOf(members));
  await load(context, await gather(await saveImages(context, ["t/oci:2"])));
  assert.equal(context.metadata.images.getContent(sha256(config))?.manifest.digest, sha256(manifest));
});

test("load: a name that another image has moves, and dockerd's line says so", async (t) => {
  const { context, addImage } = await openTestRooms(t);
  const before = await addImage({ names: ["t/one:1"] });
  assert.deepEqual(await load(context, await tarOf(await dockerMembers())), [
    `The image t/one:1 already exists, renaming the old one with ID ${before} to empty string\n`,
    "Loaded image: t/one:1\n",
  ]);
  assert.ok(context.metadata.images.getContent(before));
});

test("load: progress names each layer unless quiet", async (t) => {
  const archive = await tarOf(await dockerMembers());
  for (const quiet of [false, true]) {
    const { context } = await openTestRooms(t);
    const seen = new Set<string | undefined>();
    await loadArchive(context, chunksOf(archive), { quiet, progress: ({ status }) => seen.add(status) });
    assert.equal(seen.has("Loading layer"), !quiet);
  }
});

test("load: --platform refuses what serves another", async (t) => {
  const { context } = await openTestRooms(t);
  const archive = await tarOf(await dockerMembers());
  const platform = parsePlatform("linux/s390x");
  await assert.rejects(load(context, archive, { platform }), { code: "NO_MATCHING_PLATFORM" });
  assert.deepEqual(await load(context, archive, { platform: parsePlatform("linux/amd64") }), [
    "Loaded image: t/one:1\n",
  ]);
});

test("load: a layer that the archive leaves out is taken from the store", async (t) => {
  const { context } = await openTestRooms(t);
  const members = await dockerMembers(["t/one:1", "t/one:2"]);
  await load(context, await tarOf(members));
  const lines = await load(context, await tarOf(members.slice(1)));
  assert.deepEqual(lines, ["Loaded image: t/one:1\n", "Loaded image: t/one:2\n"]);
});

interface Attack {
  readonly name: string;
  readonly code: string;
  readonly members: () => Promise<readonly TestMember[]>;
}

async function changed(path: string, body: TestMember[1], newPath = path): Promise<readonly TestMember[]> {
  return (await dockerMembers()).map((member) => (member[0] === path ? [newPath, body] : member));
}

async function withExtra(...extra: readonly TestMember[]): Promise<readonly TestMember[]> {
  return [...extra, ...(await dockerMembers())];
}

const ATTACKS: readonly Attack[] = [
  { name: "a member path escapes", code: "PATH_ESCAPE", members: () => withExtra(["../evil", "x"]) },
  {
    name: "a symlink leads out",
    code: "PATH_ESCAPE",
    members: () => withExtra(["a/l", { type: "symlink", linkPath: "../../etc/passwd" }]),
  },
  {
    name: "a symlink is absolute",
    code: "PATH_ESCAPE",
    members: () => withExtra(["l", { type: "symlink", linkPath: "/etc/passwd" }]),
  },
  {
    name: "a hard link leads out",
    code: "PATH_ESCAPE",
    members: () => withExtra(["l", { type: "hardlink", linkPath: "../x" }]),
  },
  { name: "a member is a device", code: "INVALID_ARCHIVE", members: () => withExtra(["d", { type: "char" }]) },
  { name: "a name is there twice", code: "INVALID_ARCHIVE", members: () => withExtra(["c.json", "{}"]) },
  {
    name: "a name in manifest.json escapes",
    code: "PATH_ESCAPE",
    members: () => manifestOf({ Config: "../../etc/passwd" }),
  },
  { name: "the config is missing", code: "INVALID_ARCHIVE", members: () => manifestOf({ Config: "no.json" }) },
  { name: "a layer is missing", code: "INVALID_ARCHIVE", members: async () => (await dockerMembers()).slice(1) },
  {
    name: "the config has another number of layers",
    code: "INVALID_ARCHIVE",
    members: () => changed("c.json", configOf([])),
  },
  {
    name: "a layer's bytes are others",
    code: "DIGEST_MISMATCH",
    members: async () => changed("abc/layer.tar", await tarOf([["other", ""]])),
  },
  { name: "a layer is no tar", code: "INVALID_TAR", members: () => changed("abc/layer.tar", Buffer.alloc(2000, "x")) },
  {
    name: "a layer is cut gzip",
    code: "INVALID_COMPRESSION",
    members: () => changed("abc/layer.tar", gzipSync(Buffer.alloc(5000, "x")).subarray(0, 20)),
  },
  { name: "a config is a layer", code: "INVALID_ARCHIVE", members: () => manifestOf({ Config: "abc/layer.tar" }) },
  { name: "manifest.json is not JSON", code: "INVALID_ARCHIVE", members: () => changed("manifest.json", "[") },
  { name: "manifest.json is no list", code: "INVALID_ARCHIVE", members: () => changed("manifest.json", "{}") },
  {
    name: "manifest.json is a link to itself",
    code: "INVALID_ARCHIVE",
    members: () => changed("manifest.json", { type: "symlink", linkPath: "manifest.json" }),
  },
  {
    name: "manifest.json is huge",
    code: "INVALID_ARCHIVE",
    members: () => changed("manifest.json", `[${" ".repeat(9 << 20)}]`),
  },
  { name: "documents are many and large", code: "INVALID_ARCHIVE", members: () => withExtra(...huge(9)) },
  {
    name: "there is no manifest at all",
    code: "INVALID_ARCHIVE",
    members: async () => (await dockerMembers()).slice(0, 2),
  },
  { name: "a tag is none", code: "INVALID_REFERENCE", members: () => manifestOf({ RepoTags: ["UPPER:1"] }) },
  { name: "a tag is missing", code: "INVALID_ARCHIVE", members: () => manifestOf({ RepoTags: ["a"] }) },
  {
    name: "the image is for windows",
    code: "INVALID_ARCHIVE",
    members: async () => changed("c.json", configOf([await tarOf([["hello", "world"]])], { os: "windows" })),
  },
  { name: "a blob is not what its name says", code: "DIGEST_MISMATCH", members: () => tampered("config") },
  { name: "a layer blob is not what its name says", code: "DIGEST_MISMATCH", members: () => tampered("layer") },
  { name: "an index leads to itself", code: "INVALID_ARCHIVE", members: () => deepIndex(6) },
];

async function manifestOf(more: Readonly<Record<string, unknown>>): Promise<readonly TestMember[]> {
  const entry = { Config: "c.json", RepoTags: [], Layers: ["abc/layer.tar"], ...more };
  return changed("manifest.json", JSON.stringify([entry]));
}

function huge(count: number): readonly TestMember[] {
  const body = Buffer.from(`{${" ".repeat((8 << 20) - 2)}}`);
  return Array.from({ length: count }, (_, index): TestMember => [`${index}.json`, body]);
}

async function tampered(what: "config" | "layer"): Promise<readonly TestMember[]> {
  const { members } = await ociMembers(gzipSync, MediaType.OCI_LAYER_GZIP);
  const at = what === "layer" ? 2 : 3;
  const other = what === "layer" ? gzipSync(await tarOf([["evil", "x"]])) : configOf([], { evil: true });
  return members.map(([path, body], index) => [path, index === at ? other : body]);
}

async function deepIndex(depth: number): Promise<readonly TestMember[]> {
  const members: TestMember[] = [];
  let below = JSON.stringify({ schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests: [] });
  for (let level = 0; level < depth; level += 1) {
    members.push([blobName(below), below]);
    const descriptor = { mediaType: MediaType.OCI_INDEX, digest: sha256(below), size: below.length };
    below = JSON.stringify({ schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests: [descriptor] });
  }
  return [...members, ["index.json", below]];
}

async function assertEmpty({ context }: TestRooms): Promise<void> {
  assert.deepEqual(context.metadata.images.listContent(), []);
  assert.deepEqual(context.metadata.leases.list(), []);
  await context.collector.collect({ ingests: "all" });
  assert.deepEqual(context.layers.list(), []);
  assert.deepEqual(await Array.fromAsync(context.content.list()), []);
  assert.deepEqual(await context.content.listIngests(), []);
}

for (const { name, code, members } of ATTACKS) {
  test(`load: refused with the store unchanged when ${name}`, async (t) => {
    const rooms = await openTestRooms(t);
    const failure: unknown = await load(rooms.context, await tarOf(await members())).catch((error: unknown) => error);
    assert.ok(failure instanceof Error);
    assert.equal((failure as Error & { code?: string }).code, code, failure.message);
    assert.doesNotMatch(failure.message, /\n/);
    await assertEmpty(rooms);
  });
}

test("load: refused with the store unchanged when the stream is cut", async (t) => {
  const rooms = await openTestRooms(t);
  const archive = await tarOf(await dockerMembers());
  await assert.rejects(load(rooms.context, archive.subarray(0, 900)), { code: "TAR_TRUNCATED" });
  await assert.rejects(load(rooms.context, gzipSync(archive).subarray(0, 100)), { code: "INVALID_COMPRESSION" });
  await assertEmpty(rooms);
});
