/** Push with the real rooms to Debian's docker-registry. Needs no root. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ProgressMessage } from "#engineapi";
import { digestOf, MediaType, parseManifest, parseReference, withDigest } from "#oci";
import { pullImage } from "../../src/images/pull.ts";
import { pushImage } from "../../src/images/push.ts";
import { putName } from "../../src/images/recordImage.ts";
import { openTestRooms } from "../../src/images/testRooms.ts";
import type { TestRooms } from "../../src/images/testRooms.ts";
import { startRegistry } from "../e2e/support/registry.ts";
import { gzipLayerOf, noiseOf, serveImage, startScriptedRegistry, tarOfFile } from "./support/scriptedRegistry.ts";
import type { ServedImage, WireLayer } from "./support/scriptedRegistry.ts";

interface World {
  readonly rooms: TestRooms;
  /** Address of docker-registry. */
  readonly address: string;
  /** The lines of a push as text, `id: status`. */
  readonly push: (
    name: string,
    options?: Partial<Parameters<typeof pushImage>[2]>,
  ) => Promise<{ readonly lines: readonly string[]; readonly aux: readonly unknown[] }>;
}

async function openWorld(t: TestContext): Promise<World> {
  const registry = await startRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const rooms = await openTestRooms(t);
  const push: World["push"] = async (name, options = {}) => {
    const lines: string[] = [];
    const aux: unknown[] = [];
    const progress = (message: ProgressMessage): void => {
      const { id, status } = message;
      if (message.aux !== undefined) aux.push(message.aux);
      else lines.push(id === undefined ? (status ?? "") : `${id}: ${status ?? ""}`);
    };
    await pushImage(rooms.context, parseReference(`${registry.address}/${name}`), { progress, ...options });
    return { lines, aux };
  };
  return { rooms, address: registry.address, push };
}

/** Pulls an image of these layers from a registry that is gone afterwards, and names it. */
async function havePulled({ rooms, address }: World, name: string, layers: readonly WireLayer[]): Promise<ServedImage> {
  await using source = await startScriptedRegistry();
  const image = serveImage(source, "origin:1", layers);
  await pullImage(rooms.context, parseReference(`${source.address}/origin:1`), { progress: () => undefined });
  putName(rooms.context, `${address}/${name}`, { imageId: image.config.digest, target: image.manifest });
  return image;
}

const SMALL = gzipLayerOf(tarOfFile("small", Buffer.from("small")));
const BIG = gzipLayerOf(tarOfFile("big", noiseOf(3 << 20, "big")));
const short = (digest: string): string => digest.slice(7, 19);
const bigId = short(digestOf(BIG.tar));
const smallId = short(digestOf(SMALL.tar));

test("push: a pulled image keeps its digest; a second push sends nothing", async (t) => {
  const world = await openWorld(t);
  const { manifest, config } = await havePulled(world, "team/app:1", [BIG, SMALL]);
  const name = `${world.address}/team/app`;
  const { lines, aux } = await world.push("team/app:1");
  assert.deepEqual(lines.slice(0, 3), [
    `The push refers to repository [${name}]`,
    `${smallId}: Preparing`,
    `${bigId}: Preparing`,
  ]);
  assert.ok(lines.includes(`${bigId}: Pushing`) && lines.includes(`${bigId}: Pushed`));
  assert.equal(lines.at(-1), `1: digest: ${manifest.digest} size: ${manifest.size}`);
  assert.deepEqual(aux, [{ Tag: "1", Digest: manifest.digest, Size: manifest.size }]);
  const record = world.rooms.context.metadata.images.get(`${name}@${manifest.digest}`);
  assert.deepEqual([record?.imageId, record?.target.digest], [config.digest, manifest.digest]);
  const event = { ID: `${name}:1`, Attributes: { a: "b", name } };
  assert.deepEqual(world.rooms.events.at(-1), { Type: "image", Action: "push", Actor: event });
  const again = await world.push("team/app:1");
  assert.deepEqual(
    again.lines.slice(3).sort(),
    [
      `1: digest: ${manifest.digest} size: ${manifest.size}`,
      `${bigId}: Layer already exists`,
      `${smallId}: Layer already exists`,
    ].sort(),
  );
  assert.deepEqual(world.rooms.context.metadata.leases.list(), []);
});

test("push: layers are mounted from a repository that has them", async (t) => {
  const world = await openWorld(t);
  const { manifest, config } = await havePulled(world, "team/one:1", [BIG, SMALL]);
  putName(world.rooms.context, `${world.address}/team/two:1`, { imageId: config.digest, target: manifest });
  await world.push("team/one:1");
  const { lines } = await world.push("team/two:1");
  for (const id of [bigId, smallId]) assert.ok(lines.includes(`${id}: Mounted from team/one`));
  assert.equal(lines.at(-1), `1: digest: ${manifest.digest} size: ${manifest.size}`);
});

test("push: a layer without a compressed form is compressed once, and the digest stays", async (t) => {
  const world = await openWorld(t);
  const imageId = await world.rooms.addImage({
    names: [`${world.address}/made:1`],
    layers: ["base", "top".repeat(100_000)],
  });
  const first = await world.push("made:1");
  assert.ok(first.lines.some((line) => line.endsWith(": Compressing")));
  const second = await world.push("made:1");
  assert.ok(!second.lines.some((line) => /: (Compressing|Pushing)$/.test(line)));
  assert.deepEqual(second.aux, first.aux);
  const before = await Array.fromAsync(world.rooms.context.content.list());
  await world.rooms.context.collector.collect();
  assert.equal((await Array.fromAsync(world.rooms.context.content.list())).length, before.length);
  putName(world.rooms.context, `${world.address}/elsewhere:1`, {
    imageId,
    target: { mediaType: MediaType.OCI_MANIFEST, digest: imageId, size: 1 },
  });
  assert.deepEqual((await world.push("elsewhere:1")).aux, first.aux);

  const other = await openTestRooms(t);
  const reference = parseReference(`${world.address}/made:1`);
  await pullImage(other.context, reference, { progress: () => undefined });
  const pulled = other.context.metadata.images.getContent(imageId);
  assert.deepEqual(pulled?.diffIds, world.rooms.context.metadata.images.getContent(imageId)?.diffIds);
  const document = parseManifest(await other.context.content.read(pulled?.manifest.digest ?? imageId));
  assert.ok(document.kind === "manifest" && document.mediaType === MediaType.DOCKER_MANIFEST);
  assert.ok(document.value.layers.every(({ mediaType }) => mediaType === MediaType.DOCKER_LAYER_GZIP));
});

test("push: what the store lost but the registry has keeps the digest", async (t) => {
  const world = await openWorld(t);
  const { manifest, layers } = await havePulled(world, "app:1", [BIG, SMALL]);
  await world.push("app:1");
  for (const { digest } of layers) await world.rooms.context.content.remove(digest);
  const { lines } = await world.push("app:1");
  assert.equal(lines.at(-1), `1: digest: ${manifest.digest} size: ${manifest.size}`);
});

test("push: a compressed form that was lost everywhere is made again", async (t) => {
  const world = await openWorld(t);
  const { layers } = await havePulled(world, "app:1", [BIG]);
  for (const { digest } of layers) await world.rooms.context.content.remove(digest);
  const { lines } = await world.push("app:1");
  assert.ok(lines.includes(`${bigId}: Compressing`) && lines.includes(`${bigId}: Pushed`));
});

test("push: all tags of a repository, one event", async (t) => {
  const world = await openWorld(t);
  const { manifest, config } = await havePulled(world, "app:2", [SMALL]);
  putName(world.rooms.context, `${world.address}/app:1`, { imageId: config.digest, target: manifest });
  const { lines, aux } = await world.push("app", { allTags: true });
  assert.deepEqual(
    aux,
    ["1", "2"].map((Tag) => ({ Tag, Digest: manifest.digest, Size: manifest.size })),
  );
  assert.equal(lines.filter((line) => line.startsWith("The push refers")).length, 1);
  const ID = `${world.address}/app`;
  assert.deepEqual(world.rooms.events.at(-1)?.Actor, { ID, Attributes: { name: ID } });
});

test("push: says what is not there in dockerd's words", async (t) => {
  const world = await openWorld(t);
  const { manifest } = await havePulled(world, "app:1", [SMALL]);
  const name = `${world.address}/app`;
  await assert.rejects(world.push("app:9"), { category: "not_found", message: `tag does not exist: ${name}:9` });
  await assert.rejects(world.push("none:1"), {
    category: "not_found",
    message: `An image does not exist locally with the tag: ${world.address}/none`,
  });
  const byDigest = withDigest(parseReference(name), manifest.digest);
  await assert.rejects(pushImage(world.rooms.context, byDigest, { progress: () => undefined }), {
    message: "cannot push a digest reference",
  });
});

test("push: names nothing when it is given up", async (t) => {
  const world = await openWorld(t);
  await havePulled(world, "app:1", [BIG]);
  const names = world.rooms.context.metadata.images.list().length;
  const abort = new AbortController();
  const progress = ({ status }: ProgressMessage): void => {
    if (status === "Preparing") abort.abort();
  };
  await assert.rejects(world.push("app:1", { signal: abort.signal, progress }), { category: "cancelled" });
  assert.equal(world.rooms.context.metadata.images.list().length, names);
  assert.deepEqual(world.rooms.context.metadata.leases.list(), []);
});

test("push: a blob that two layers share is sent once", async (t) => {
  const world = await openWorld(t);
  const { manifest } = await havePulled(world, "app:1", [BIG, SMALL, BIG]);
  const { lines } = await world.push("app:1");
  assert.equal(lines.filter((line) => line === `${bigId}: Pushed`).length, 2);
  assert.equal(lines.at(-1), `1: digest: ${manifest.digest} size: ${manifest.size}`);
});
