import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { test } from "node:test";
import { takeLease } from "#metadata";
import { digestOf, MediaType, parseDiffId, parseReference } from "#oci";
import type { Digest } from "#oci";
import { writeTarStream } from "#tar";
import type { SessionContent } from "../session.ts";
import { openTestRooms, testFile, testSession } from "../testRooms.ts";
import { createImageHandler } from "./createImageHandler.ts";
import { createImageResolver } from "./createImageResolver.ts";
import { testStep } from "./testStep.ts";

const AMD64 = { os: "linux", architecture: "amd64" };
const { signal } = new AbortController();

/** A client's store with an index of one image with one layer. */
async function clientStore(): Promise<{
  readonly store: SessionContent;
  readonly index: Digest;
  readonly layer: Digest;
}> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTarStream([testFile("a", "1")])) chunks.push(Uint8Array.from(chunk));
  const tar = Buffer.concat(chunks);
  const blobs = new Map<Digest, Buffer>();
  const put = (mediaType: string, bytes: Buffer): { mediaType: string; digest: Digest; size: number } => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const json = (mediaType: string, value: object): ReturnType<typeof put> =>
    put(mediaType, Buffer.from(JSON.stringify(value)));
  const layer = put(MediaType.OCI_LAYER_GZIP, gzipSync(tar));
  const rootfs = { type: "layers", diff_ids: [parseDiffId(digestOf(tar))] };
  const config = json(MediaType.OCI_CONFIG, { ...AMD64, config: { Env: ["A=b"] }, rootfs });
  const head = { schemaVersion: 2, mediaType: MediaType.OCI_MANIFEST };
  const manifest = json(MediaType.OCI_MANIFEST, { ...head, config, layers: [layer] });
  const manifests = [{ ...manifest, platform: AMD64 }];
  const index = json(MediaType.OCI_INDEX, { schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests });
  const store: SessionContent = {
    info: (digest) => Promise.resolve(blobs.get(digest) && { size: blobs.get(digest)?.length ?? 0 }),
    async *read(digest, range = { offset: 0, length: Number.POSITIVE_INFINITY }) {
      yield await Promise.resolve(
        blobs.get(digest)?.subarray(range.offset, range.offset + range.length) ?? Buffer.of(),
      );
    },
    write: () => Promise.reject(new Error("not asked for")),
  };
  return { store, index: index.digest, layer: layer.digest };
}

test("image source: an OCI layout of the client is resolved by its config alone, its layers come when a step needs them", async (t) => {
  const rooms = await openTestRooms(t);
  const { store, index, layer } = await clientStore();
  const session = testSession({ contentStore: () => Promise.resolve(store) });
  const reference = { ...parseReference("base"), digest: index };
  const options = { platform: AMD64, mode: "local", ociLayout: "base", session, signal } as const;
  const found = await createImageResolver(rooms).resolve(reference, options);
  assert.equal(found.digest, index);
  assert.deepEqual(found.config.config?.Env, ["A=b"]);
  const [diffId] = found.source.diffIds;
  assert.ok(diffId);
  assert.equal(rooms.layers.get(diffId), undefined);
  const lines: string[] = [];
  const result = await createImageHandler(rooms).run(testStep(found.source, session, lines));
  assert.deepEqual(result, { kind: "layers", diffIds: [diffId] });
  assert.notEqual(rooms.layers.get(diffId), undefined);
  assert.deepEqual(lines, [
    `resolve docker.io/library/base@${index}`,
    found.source.manifest,
    found.source.imageId,
    layer,
    `extracting ${layer}`,
  ]);
});

test("image source: a platform that the index does not have is told in BuildKit's words", async (t) => {
  const rooms = await openTestRooms(t);
  const { store, index } = await clientStore();
  const session = testSession({ contentStore: () => Promise.resolve(store) });
  const platform = { os: "linux", architecture: "s390x" };
  const reference = { ...parseReference("base"), digest: index };
  await assert.rejects(
    createImageResolver(rooms).resolve(reference, { platform, mode: "local", ociLayout: "base", session, signal }),
    { message: "no match for platform in manifest: not found" },
  );
});

test("image source: what is here under the name wins, and its layers are not asked for again", async (t) => {
  const rooms = await openTestRooms(t);
  const diffId = await rooms.addLayer([testFile("a", "1")]);
  const rootfs = { type: "layers", diff_ids: [diffId] };
  const config = Buffer.from(JSON.stringify({ ...AMD64, rootfs }));
  using lease = takeLease(rooms.metadata, "test");
  const names = [parseReference("docker.io/library/here:1")];
  const imageId = await rooms.images.recordBuilt(
    { config, diffIds: [diffId], names, manifest: undefined, target: undefined },
    lease,
  );
  const session = testSession();
  const reference = parseReference("here:1");
  const options = { platform: AMD64, mode: "default", ociLayout: undefined, session, signal } as const;
  const found = await createImageResolver(rooms).resolve(reference, options);
  assert.equal(found.digest, undefined);
  assert.equal(found.source.imageId, imageId);
  assert.equal(found.source.origin, "local");
  const lines: string[] = [];
  await createImageHandler(rooms).run(testStep(found.source, session, lines));
  assert.deepEqual(lines, []);
});
