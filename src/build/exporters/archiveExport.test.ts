import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, hexOf, isDigest } from "#oci";
import type { DiffId } from "#oci";
import { readTarStream } from "#tar";
import type { ExportRequest } from "../request.ts";
import { openTestRooms, testFile, testSession } from "../testRooms.ts";
import type { TestRooms } from "../testRooms.ts";
import { createExporter } from "./createExporter.ts";
import { testJob, testTarget } from "./testJob.ts";

interface Exported {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly response: Readonly<Record<string, string>>;
  readonly lines: readonly string[];
}

/** What a client gets of one export. */
async function exported(
  rooms: TestRooms,
  request: ExportRequest,
  platforms: Readonly<Record<string, readonly DiffId[]>>,
): Promise<Exported> {
  const files = new Map<string, Buffer>();
  const session = testSession({
    sendTar: async (_output, tar) => {
      for await (const { entry, body } of readTarStream(tar)) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of body) chunks.push(Uint8Array.from(chunk));
        if (entry.type === "file") files.set(entry.path, Buffer.concat(chunks));
      }
    },
  });
  const targets = Object.entries(platforms).map(([architecture, diffIds]) => testTarget(diffIds, architecture));
  const { job, lines } = testJob(targets, [request], { session });
  const response = await createExporter(rooms).export(job);
  return { files, response, lines };
}

function json(files: ReadonlyMap<string, Buffer>, path: string): Record<string, unknown> {
  return JSON.parse(files.get(path)?.toString() ?? "") as Record<string, unknown>;
}

const blob = (digest = ""): string => `blobs/sha256/${isDigest(digest) ? hexOf(digest) : ""}`;

test("archive export: an OCI layout whose blobs are what their names say", async (t) => {
  const rooms = await openTestRooms(t);
  const layer = await rooms.addLayer([testFile("a", "1")]);
  const attributes = { name: "x:1", "source-date-epoch": "1" };
  const { files, response, lines } = await exported(rooms, { type: "oci", attributes }, { amd64: [layer] });
  for (const [path, bytes] of files) if (path.startsWith("blobs/")) assert.equal(blob(digestOf(bytes)), path);
  const digest = response["containerimage.digest"];
  const config = response["containerimage.config.digest"];
  const annotations = {
    "io.containerd.image.name": "docker.io/library/x:1",
    "org.opencontainers.image.created": "1970-01-01T00:00:01Z",
    "org.opencontainers.image.ref.name": "1",
  };
  const size = files.get(blob(digest))?.length;
  assert.deepEqual(json(files, "index.json")["manifests"], [
    {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest,
      size,
      annotations,
      platform: { architecture: "amd64", os: "linux" },
    },
  ]);
  assert.deepEqual(Object(json(files, blob(config)))["rootfs"], { type: "layers", diff_ids: [layer] });
  assert.equal(response["image.name"], "docker.io/library/x:1");
  assert.equal(files.has("manifest.json"), false);
  assert.deepEqual(lines, [
    "exporting to oci image format",
    "exporting layers",
    `exporting manifest ${digest}`,
    `exporting config ${config}`,
    "sending tarball",
  ]);
});

test("archive export: docker's manifest names plain layers by their diffID when no compression is wanted", async (t) => {
  const rooms = await openTestRooms(t);
  const layer = await rooms.addLayer([testFile("a", "1")]);
  const attributes = { name: "x", compression: "uncompressed" };
  const { files, response } = await exported(rooms, { type: "docker", attributes }, { amd64: [layer] });
  const Config = blob(response["containerimage.config.digest"]);
  assert.deepEqual(json(files, "manifest.json"), [{ Config, RepoTags: ["x:latest"], Layers: [blob(layer)] }]);
  assert.ok(files.has(blob(layer)));
});

test("archive export: several platforms stand below an index with their annotations", async (t) => {
  const rooms = await openTestRooms(t);
  const layer = await rooms.addLayer([testFile("a", "1")]);
  const attributes = { "annotation-index.i": "1", "annotation-manifest-descriptor[linux/arm64].d": "2" };
  const both = { amd64: [layer], arm64: [layer] };
  const { files, response } = await exported(rooms, { type: "oci", attributes }, both);
  const index = json(files, blob(response["containerimage.digest"]));
  assert.deepEqual(index["annotations"], { i: "1" });
  const found = (index["manifests"] as readonly Record<string, unknown>[]).map((one) => [
    one["annotations"],
    one["platform"],
  ]);
  assert.deepEqual(found, [
    [undefined, { architecture: "amd64", os: "linux" }],
    [{ d: "2" }, { architecture: "arm64", os: "linux" }],
  ]);
  await assert.rejects(exported(rooms, { type: "docker", attributes: {} }, both), {
    message: "docker exporter does not currently support exporting manifest lists",
  });
});

test("image options: what is wrong is told in BuildKit's words", async (t) => {
  const rooms = await openTestRooms(t);
  const wrong: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ compression: "lzma" }, /^unsupported compression type lzma$/],
    [{ "compression-level": "10" }, /^gzip: invalid compression level: 10$/],
    [{ "compression-level": "x" }, /^non-integer value x specified for compression-level: /],
    [{ push: "maybe" }, /^non-bool value specified for push: strconv\.ParseBool: parsing "maybe": invalid syntax$/],
    [{ compression: "zstd", "oci-mediatypes": "false" }, /"compression=zstd" conflicts with "oci-mediatypes=false"$/],
    [{ "annotation-nosuch.a": "b" }, /^unrecognized annotation type nosuch$/],
    [{ "annotation[linux/s390x].a": "b" }, /^invalid annotation: no platform linux\/s390x found in source$/],
    [{ "annotation-index.a": "b" }, /^index annotations not supported for single platform export$/],
    [{ "source-date-epoch": "x" }, /^invalid source-date-epoch: /],
  ];
  for (const [attributes, message] of wrong)
    await assert.rejects(exported(rooms, { type: "oci", attributes }, { amd64: [] }), { message });
});

test("image export: a name of several platforms' images is this machine's image, and the others' blobs stay", async (t) => {
  const rooms = await openTestRooms(t);
  const mine = await rooms.addLayer([testFile("a", "1")]);
  const other = await rooms.addLayer([testFile("a", "2")]);
  const platforms = { s390x: [other], [process.arch === "arm64" ? "arm64" : "amd64"]: [mine] };
  const { response } = await exported(rooms, { type: "moby", attributes: { name: "x" } }, platforms);
  const inspect = await rooms.images.inspect("x");
  assert.deepEqual(inspect.RootFS.Layers, [mine]);
  await rooms.collector.collect();
  const digest = response["containerimage.digest"] ?? "";
  assert.ok(isDigest(digest));
  const index = JSON.parse(Buffer.from(await rooms.content.read(digest)).toString()) as {
    readonly manifests: readonly { readonly digest: string }[];
  };
  for (const manifest of index.manifests) {
    assert.ok(isDigest(manifest.digest));
    assert.notEqual(await rooms.content.info(manifest.digest), undefined);
  }
});

test("image export: rewrite-timestamp clamps the files of the build's own layers, so that two builds are one", async (t) => {
  const rooms = await openTestRooms(t);
  const at = (mtimeSeconds: number): Parameters<TestRooms["addLayer"]>[0] => {
    const { header, ...rest } = testFile("a", "1");
    const old = { header: { path: "old", type: "symlink" as const, linkPath: "a", mtimeSeconds: 5 } };
    return [{ header: { ...header, mtimeSeconds }, ...rest }, old];
  };
  const attributes = { "rewrite-timestamp": "true", "source-date-epoch": "100" };
  const manifests: (string | undefined)[] = [];
  for (const time of [5000, 7000]) {
    const layer = await rooms.addLayer(at(time));
    const { response, files } = await exported(rooms, { type: "oci", attributes }, { amd64: [layer] });
    manifests.push(response["containerimage.digest"]);
    const config = json(files, blob(response["containerimage.config.digest"]));
    const [diffId] = (config["rootfs"] as { readonly diff_ids: readonly DiffId[] }).diff_ids;
    assert.ok(diffId !== undefined && diffId !== layer);
    await using view = await rooms.layers.openView([diffId]);
    assert.deepEqual(Array.from(view.walk(), ({ path, stat }) => `${path} ${stat.mtimeSeconds}`).slice(1), [
      "a 100",
      "old 5",
    ]);
  }
  assert.equal(manifests[0], manifests[1]);
});
