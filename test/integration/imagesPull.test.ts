/** Pull with the real rooms, from a registry on loopback that misbehaves as it is told. Needs no root. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { zstdCompressSync } from "node:zlib";
import type { ProgressMessage } from "#engineapi";
import { digestOf, MediaType, parseDiffId, parsePlatform, parseReference } from "#oci";
import { pullImage } from "../../src/images/pull.ts";
import { openTestRooms } from "../../src/images/testRooms.ts";
import type { TestRooms } from "../../src/images/testRooms.ts";
import { gzipLayerOf, noiseOf, serveImage, startScriptedRegistry, tarOfFile } from "./support/scriptedRegistry.ts";
import type { ScriptedRegistry } from "./support/scriptedRegistry.ts";

interface World {
  readonly registry: ScriptedRegistry;
  readonly rooms: TestRooms;
  /** Pulls `name` of the registry; the lines as text, `id: status`. */
  readonly pull: (name: string, options?: Partial<Parameters<typeof pullImage>[2]>) => Promise<readonly string[]>;
}

async function openWorld(t: TestContext): Promise<World> {
  const registry = await startScriptedRegistry();
  const rooms = await openTestRooms(t);
  t.after(() => registry[Symbol.asyncDispose]());
  const pull: World["pull"] = async (name, options = {}) => {
    const lines: string[] = [];
    const progress = ({ id, status = "" }: ProgressMessage): void => {
      const line = id === undefined ? status : `${id}: ${status}`;
      if (lines.at(-1) !== line) lines.push(line);
    };
    await pullImage(rooms.context, parseReference(`${registry.address}/${name}`), { progress, ...options });
    return lines;
  };
  return { registry, rooms, pull };
}

/** Large enough for several chunks. */
const BIG = gzipLayerOf(tarOfFile("big", noiseOf(3 << 20, "big")));
const SMALL = gzipLayerOf(tarOfFile("small", Buffer.from("small")));
const short = (digest: string): string => digest.slice(7, 19);
const blobGets = ({ registry }: World, digest: string): readonly string[] =>
  registry.blobRequests.filter((line) => line.startsWith(`GET ${digest}`)).map((line) => line.split(" ")[2] ?? "");

/** Nothing is shown, nothing is held. */
async function assertNothing({ rooms: { context } }: World): Promise<void> {
  assert.deepEqual(context.metadata.images.list(), []);
  assert.deepEqual(context.metadata.images.listContent(), []);
  assert.deepEqual(context.metadata.leases.list(), []);
  await context.collector.collect();
  assert.deepEqual(context.layers.list(), []);
  assert.deepEqual(await Array.fromAsync(context.content.list()), []);
}

test("pull: an index brings the platform's manifest, gzip, zstd and plain layers, byte for byte", async (t) => {
  const world = await openWorld(t);
  const { registry, rooms } = world;
  const zstdTar = tarOfFile("z", noiseOf(70_000, "z"));
  const plainTar = tarOfFile("p", Buffer.from("plain"));
  const image = serveImage(registry, "team/app:other", [
    BIG,
    { tar: zstdTar, bytes: zstdCompressSync(zstdTar), mediaType: MediaType.OCI_LAYER_ZSTD },
    { tar: plainTar, bytes: plainTar, mediaType: MediaType.OCI_LAYER },
    SMALL,
  ]);
  const attestation = { ...image.manifest, platform: { architecture: "unknown", os: "unknown" } };
  const index = registry.addManifest("team/app:latest", {
    schemaVersion: 2,
    mediaType: MediaType.OCI_INDEX,
    manifests: [attestation, { ...image.manifest, platform: { architecture: "amd64", os: "linux" } }],
  });
  const lines = await world.pull("team/app", { platform: parsePlatform("linux/amd64") });
  const name = `${registry.address}/team/app`;
  const { metadata, content, layers } = rooms.context;
  assert.deepEqual(
    metadata.images.list().map(({ reference, target, imageId }) => [reference, target.digest, imageId]),
    [
      [`${name}:latest`, index.digest, image.config.digest],
      [`${name}@${index.digest}`, index.digest, image.config.digest],
    ],
  );
  assert.equal(metadata.images.getContent(image.config.digest)?.manifest.digest, image.manifest.digest);
  for (const { digest } of [index, image.manifest, image.config, ...image.layers])
    assert.equal((await content.info(digest))?.digest, digest);
  assert.deepEqual(layers.list().length, 4);
  const [first, second, third, fourth] = image.layers.map(({ digest }) => short(digest));
  assert.deepEqual(lines.slice(0, 6), [
    "latest: Pulling from team/app",
    ...[first, second, third, fourth].map((id) => `${id}: Pulling fs layer`),
    `${fourth}: Waiting`,
  ]);
  assert.deepEqual(lines.slice(-2), [`Digest: ${index.digest}`, `Status: Downloaded newer image for ${name}:latest`]);
  const own = lines.filter((line) => line.startsWith(`${first}: `)).map((line) => line.slice(14));
  assert.deepEqual(Array.from(new Set(own.filter((line) => line !== "Extracting"))), [
    "Pulling fs layer",
    "Downloading",
    "Verifying Checksum",
    "Download complete",
    "Pull complete",
  ]);
  const Attributes = { a: "b", name };
  assert.deepEqual(rooms.events, [{ Type: "image", Action: "pull", Actor: { ID: `${name}:latest`, Attributes } }]);
  assert.deepEqual(metadata.leases.list(), []);
  const kept = (await Array.fromAsync(content.list())).length;
  await rooms.context.collector.collect();
  assert.equal((await Array.fromAsync(content.list())).length, kept, "GC keeps all of it");
});

test("pull: is up to date, asks for no blob and prints no layer when it is here", async (t) => {
  const world = await openWorld(t);
  const { manifest } = serveImage(world.registry, "app:1", [SMALL]);
  await world.pull("app:1");
  const asked = world.registry.blobRequests.length;
  assert.deepEqual(await world.pull("app:1"), [
    "1: Pulling from app",
    `Digest: ${manifest.digest}`,
    `Status: Image is up to date for ${world.registry.address}/app:1`,
  ]);
  assert.equal(world.registry.blobRequests.length, asked);
});

test("pull: a layer that another image brought already exists", async (t) => {
  const world = await openWorld(t);
  serveImage(world.registry, "one:1", [BIG]);
  const { layers } = serveImage(world.registry, "two:1", [BIG, SMALL]);
  await world.pull("one:1");
  const lines = await world.pull("two:1");
  assert.equal(lines[1], `${short(layers[0]?.digest ?? "")}: Already exists`);
  assert.equal(blobGets(world, layers[0]?.digest ?? "").length, 1);
});

test("pull: a blob that is here without its layer needs no network", async (t) => {
  const world = await openWorld(t);
  const { layers } = serveImage(world.registry, "app:1", [BIG]);
  await world.rooms.context.content.put(BIG.bytes);
  await world.pull("app:1");
  assert.deepEqual(blobGets(world, layers[0]?.digest ?? ""), []);
  assert.equal(world.rooms.context.layers.list().length, 1);
});

test("pull: goes on by range after a cut connection", async (t) => {
  const world = await openWorld(t);
  const digest = serveImage(world.registry, "app:1", [BIG]).layers[0]?.digest ?? "";
  world.registry.cuts.set(digest, [1_500_000]);
  await world.pull("app:1");
  const [first, second, ...rest] = blobGets(world, digest);
  assert.deepEqual([first, rest], ["-", []]);
  assert.match(second ?? "", /^bytes=\d{4,}-$/);
});

test("pull: a server without ranges costs bytes, not the pull", async (t) => {
  const world = await openWorld(t);
  const digest = serveImage(world.registry, "app:1", [BIG]).layers[0]?.digest ?? "";
  world.registry.cuts.set(digest, [1_500_000]);
  world.registry.rangeless.add(digest);
  await world.pull("app:1");
  assert.equal(world.rooms.context.layers.list().length, 1);
});

test("pull: goes on with what an earlier daemon left", async (t) => {
  const world = await openWorld(t);
  const digest = serveImage(world.registry, "app:1", [BIG]).layers[0]?.digest ?? "";
  {
    await using left = await world.rooms.context.content.openIngest(digest);
    await left.write(BIG.bytes.subarray(0, 1_000_000));
  }
  await world.pull("app:1");
  assert.deepEqual(blobGets(world, digest), ["bytes=1000000-"]);
});

test("pull: starts again when what an earlier daemon left proves wrong", async (t) => {
  const world = await openWorld(t);
  const digest = serveImage(world.registry, "app:1", [BIG]).layers[0]?.digest ?? "";
  {
    await using left = await world.rooms.context.content.openIngest(digest);
    await left.write(Buffer.concat([BIG.bytes.subarray(0, 500_000), Buffer.alloc(500_000)]));
  }
  await world.pull("app:1");
  assert.deepEqual(blobGets(world, digest), ["bytes=1000000-", "-"]);
});

test("pull: gives up after so many attempts and keeps what came", async (t) => {
  const world = await openWorld(t);
  const digest = serveImage(world.registry, "app:1", [BIG]).layers[0]?.digest ?? "";
  world.registry.cuts.set(digest, [300_000, 0, 0, 0, 0, 0, 0, 0]);
  await assert.rejects(world.pull("app:1"), { category: "unavailable" });
  const [ingest] = await world.rooms.context.content.listIngests();
  assert.equal(ingest?.ref, digest);
  assert.ok(ingest.bytes > 0);
  await assertNothing(world);
  world.registry.cuts.clear();
  await world.pull("app:1");
  assert.match(blobGets(world, digest).at(-1) ?? "", /^bytes=/);
});

test("pull: two at once share one download", async (t) => {
  const world = await openWorld(t);
  const digest = serveImage(world.registry, "one:1", [BIG]).layers[0]?.digest ?? "";
  serveImage(world.registry, "two:1", [BIG, SMALL]);
  const release = Promise.withResolvers<void>();
  world.registry.held.set(digest, release.promise);
  const pulls = Promise.all([world.pull("one:1"), world.pull("two:1")]);
  setTimeout(release.resolve, 300);
  const [one, two] = await pulls;
  assert.deepEqual(blobGets(world, digest), ["-"]);
  for (const lines of [one, two]) assert.ok(lines.includes(`${short(digest)}: Pull complete`));
});

test("pull: the download goes on for the second when the first is given up", async (t) => {
  const world = await openWorld(t);
  const digest = serveImage(world.registry, "one:1", [BIG]).layers[0]?.digest ?? "";
  serveImage(world.registry, "two:1", [BIG, SMALL]);
  const release = Promise.withResolvers<void>();
  world.registry.held.set(digest, release.promise);
  const abort = new AbortController();
  const first = assert.rejects(world.pull("one:1", { signal: abort.signal }), { category: "cancelled" });
  const second = world.pull("two:1");
  setTimeout(() => abort.abort(), 200);
  await first;
  release.resolve();
  await second;
  assert.deepEqual(blobGets(world, digest), ["-"]);
  assert.equal(world.rooms.context.metadata.images.list().length, 2);
});

test("pull: nothing is recorded, the ingest stays, when the client goes", async (t) => {
  const world = await openWorld(t);
  const digest = serveImage(world.registry, "app:1", [BIG, SMALL]).layers[0]?.digest ?? "";
  const never = Promise.withResolvers<void>();
  t.after(() => never.resolve());
  world.registry.held.set(digest, never.promise);
  const abort = new AbortController();
  const progress = ({ status }: ProgressMessage): void => {
    if (status === "Downloading") setTimeout(() => abort.abort(), 50);
  };
  await assert.rejects(world.pull("app:1", { signal: abort.signal, progress }), { category: "cancelled" });
  const left = await world.rooms.context.content.listIngests();
  assert.ok(left.some(({ ref }) => ref === digest));
  await assertNothing(world);
});

const flip = (bytes: Uint8Array): Uint8Array => {
  const copy = Buffer.from(bytes);
  copy[copy.length - 100] = (copy[copy.length - 100] ?? 0) ^ 1;
  return copy;
};
const cutTar = gzipLayerOf(BIG.tar);
const truncated = { ...cutTar, bytes: cutTar.bytes.subarray(0, cutTar.bytes.length - 20_000) };

const HOSTILE: readonly (readonly [string, (registry: ScriptedRegistry) => void, object])[] = [
  [
    "a blob of another digest",
    (registry) => {
      const { layers } = serveImage(registry, "app:1", [SMALL, BIG]);
      registry.blobs.set(layers[1]?.digest ?? "", flip(BIG.bytes));
    },
    { category: "data_loss" },
  ],
  [
    "a layer of another diffID",
    (registry) => {
      const other = { ...BIG, tar: SMALL.tar };
      serveImage(registry, "app:1", [other]);
    },
    { code: "DIGEST_MISMATCH" },
  ],
  ["a truncated gzip", (registry) => void serveImage(registry, "app:1", [truncated]), { category: "data_loss" }],
  [
    "more layers than diffIDs",
    (registry) =>
      void serveImage(registry, "app:1", [SMALL, BIG], (config) => ({
        ...config,
        rootfs: { type: "layers", diff_ids: [digestOf(SMALL.tar)] },
      })),
    { message: "layers from manifest don't match image configuration" },
  ],
  [
    "an artifact's layer",
    (registry) => void serveImage(registry, "app:1", [{ ...SMALL, mediaType: "application/vnd.in-toto+json" }]),
    { message: "unsupported media type application/vnd.in-toto+json" },
  ],
  [
    "a config that is none",
    (registry) => {
      const config = registry.addBlob("application/vnd.cncf.helm.config.v1+json", Buffer.from("{}"));
      registry.addManifest("app:1", { schemaVersion: 2, mediaType: MediaType.OCI_MANIFEST, config, layers: [] });
    },
    { message: 'Encountered remote "application/vnd.cncf.helm.config.v1+json"(unknown) when fetching' },
  ],
  [
    "an index without the platform",
    (registry) => {
      const { manifest } = serveImage(registry, "app:2", [SMALL]);
      const manifests = [{ ...manifest, platform: { os: "linux", architecture: "s390x" } }];
      registry.addManifest("app:1", { schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests });
    },
    { category: "not_found", message: "no matching manifest for linux/amd64 in the manifest list entries" },
  ],
];

for (const [what, serve, expected] of HOSTILE) {
  test(`pull: refuses ${what}, with nothing recorded`, async (t) => {
    const world = await openWorld(t);
    serve(world.registry);
    await assert.rejects(world.pull("app:1", { platform: parsePlatform("linux/amd64") }), expected);
    await assertNothing(world);
    assert.deepEqual(world.rooms.events, []);
  });
}

test("pull: by digest names no tag", async (t) => {
  const world = await openWorld(t);
  const { manifest } = serveImage(world.registry, "app:1", [SMALL]);
  const name = `${world.registry.address}/app@${manifest.digest}`;
  const lines = await world.pull(`app@${manifest.digest}`);
  assert.equal(lines[0], `${name}: Pulling from app`);
  assert.equal(lines.at(-1), `Status: Downloaded newer image for ${name}`);
  assert.deepEqual(
    world.rooms.context.metadata.images.list().map(({ reference }) => reference),
    [name],
  );
});

test("pull: all tags, one status and one event", async (t) => {
  const world = await openWorld(t);
  serveImage(world.registry, "app:1", [SMALL]);
  serveImage(world.registry, "app:2", [BIG]);
  const lines = await world.pull("app", { allTags: true });
  assert.ok(lines.includes("1: Pulling from app") && lines.includes("2: Pulling from app"));
  assert.equal(lines.at(-1), `Status: Downloaded newer image for ${world.registry.address}/app`);
  const ID = `${world.registry.address}/app`;
  assert.deepEqual(world.rooms.events, [{ Type: "image", Action: "pull", Actor: { ID, Attributes: { name: ID } } }]);
});

test("pull: a lone manifest of another platform is kept and told, as dockerd does", async (t) => {
  const world = await openWorld(t);
  serveImage(world.registry, "app:1", [SMALL]);
  await assert.rejects(world.pull("app:1", { platform: parsePlatform("linux/s390x") }), {
    message: `image with reference ${world.registry.address}/app:1 was found but does not match the specified platform: wanted linux/s390x, actual: linux/amd64`,
  });
  assert.equal(world.rooms.context.metadata.images.list().length, 2);
});

test("pull: a tag that moved leaves the old image dangling", async (t) => {
  const world = await openWorld(t);
  const before = serveImage(world.registry, "app:1", [SMALL]);
  await world.pull("app:1");
  const after = serveImage(world.registry, "app:1", [BIG]);
  await world.pull("app:1");
  const { images, layers } = world.rooms.context.metadata;
  assert.equal(images.get(`${world.registry.address}/app:1`)?.imageId, after.config.digest);
  assert.notEqual(images.getContent(before.config.digest), undefined);
  const [compressed] = layers.getCompressed(parseDiffId(digestOf(BIG.tar)));
  assert.deepEqual(compressed?.blob, { digest: after.layers[0]?.digest, size: BIG.bytes.length });
});
