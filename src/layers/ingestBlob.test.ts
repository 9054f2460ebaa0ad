import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { hasCode, isCancelled } from "#errors";
import { digestOf, hexOf, parseDiffId } from "#oci";
import { createGrowingFile } from "./growingFile.ts";
import { collect, diffIdOfTar, directory, file, noise, openTestStore, tarOf } from "./testStore.ts";

const TAR = tarOf([directory("usr"), file("usr/a", "hello"), file("usr/noise", noise(3 << 20))]);
const DIFF_ID = diffIdOfTar(TAR);
const SKIPPABLE = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
const HALF = TAR.length >> 1;

const FORMS: readonly (readonly [string, "none" | "gzip" | "zstd", Buffer])[] = [
  ["a plain tar", "none", TAR],
  ["gzip", "gzip", gzipSync(TAR)],
  ["several gzip members", "gzip", Buffer.concat([gzipSync(TAR.subarray(0, HALF)), gzipSync(TAR.subarray(HALF))])],
  [
    "an empty gzip member between",
    "gzip",
    Buffer.concat([gzipSync(TAR.subarray(0, 7)), gzipSync(""), gzipSync(TAR.subarray(7))]),
  ],
  ["gzip with zero padding", "gzip", Buffer.concat([gzipSync(TAR), Buffer.alloc(4096)])],
  ["zstd", "zstd", zstdCompressSync(TAR)],
  [
    "several zstd frames",
    "zstd",
    Buffer.concat([zstdCompressSync(TAR.subarray(0, HALF)), SKIPPABLE, zstdCompressSync(TAR.subarray(HALF))]),
  ],
  ["a skippable zstd frame first", "zstd", Buffer.concat([SKIPPABLE, zstdCompressSync(TAR)])],
];

for (const [name, compression, blob] of FORMS) {
  test(`ingestBlob: takes ${name}`, async (t) => {
    const { store, source, files } = await openTestStore(t);
    const expected = { diffId: DIFF_ID, blobDigest: digestOf(blob), blobSize: blob.length };
    const ingested = await store.ingestBlob({ source: await source(blob), expected });
    assert.deepEqual(ingested.blob, { digest: digestOf(blob), size: blob.length, compression });
    assert.equal(ingested.layer.tarBytes, TAR.length);
    assert.equal(ingested.layer.contentBytes, 5 + (3 << 20));
    assert.deepEqual(store.get(DIFF_ID), ingested.layer);
    assert.deepEqual(await collect(store.readTar(DIFF_ID)), TAR);
    assert.deepEqual(await files(), { layers: [hexOf(DIFF_ID)], unfinished: [] });
  });
}

const BROKEN: readonly (readonly [string, string, Buffer])[] = [
  ["gzip that is cut off", "INVALID_COMPRESSION", gzipSync(TAR).subarray(0, -9)],
  ["gzip that is cut off in its trailer", "INVALID_COMPRESSION", gzipSync(TAR).subarray(0, -3)],
  [
    "gzip whose second member is cut off",
    "INVALID_COMPRESSION",
    Buffer.concat([gzipSync(TAR), gzipSync(TAR).subarray(0, 20)]),
  ],
  ["gzip with garbage behind it", "INVALID_COMPRESSION", Buffer.concat([gzipSync(TAR), Buffer.from("garbage")])],
  ["gzip with a wrong checksum", "INVALID_COMPRESSION", flipped(gzipSync(TAR), -6)],
  ["gzip with a damaged middle", "INVALID_COMPRESSION", flipped(gzipSync(TAR, { level: 9 }), 200)],
  ["zstd that is cut off", "INVALID_COMPRESSION", zstdCompressSync(TAR).subarray(0, -9)],
  ["a tar that is cut off", "TAR_TRUNCATED", TAR.subarray(0, HALF)],
  ["gzip of a tar that is cut off", "TAR_TRUNCATED", gzipSync(TAR.subarray(0, HALF))],
  ["text", "INVALID_TAR", Buffer.alloc(2048, "this is no tar ")],
];

for (const [name, code, blob] of BROKEN) {
  test(`ingestBlob: refuses ${name} and leaves nothing`, async (t) => {
    const { store, source, files } = await openTestStore(t);
    await assert.rejects(store.ingestBlob({ source: await source(blob) }), (error) => hasCode(error, code));
    assert.deepEqual(await files(), { layers: [], unfinished: [] });
    assert.deepEqual(store.list(), []);
  });
}

const OTHER = parseDiffId(`sha256:${"0".repeat(64)}`);
const WRONG = [
  ["blob digest", "DIGEST_MISMATCH", { blobDigest: digestOf("other") }],
  ["diffID", "DIGEST_MISMATCH", { diffId: OTHER }],
  ["size", "SIZE_MISMATCH", { blobSize: 7 }],
] as const;

for (const [name, code, expected] of WRONG) {
  for (const [form, blob] of [
    ["gzip", gzipSync(TAR)],
    ["plain", TAR],
  ] as const) {
    test(`ingestBlob: refuses a ${form} blob of another ${name} and leaves nothing`, async (t) => {
      const { store, source, files } = await openTestStore(t);
      const job = { source: await source(blob), expected };
      await assert.rejects(store.ingestBlob(job), (error) => hasCode(error, code));
      assert.deepEqual(await files(), { layers: [], unfinished: [] });
    });
  }
}

test("ingestBlob: a mismatch of an existing layer leaves it as it was", async (t) => {
  const { store, source, add } = await openTestStore(t);
  await add(TAR);
  const job = { source: await source(gzipSync(tarOf([file("other", "x")]))), expected: { diffId: DIFF_ID } };
  await assert.rejects(store.ingestBlob(job), (error) => hasCode(error, "DIGEST_MISMATCH"));
  assert.deepEqual(await collect(store.readTar(DIFF_ID)), TAR);
});

test("ingestBlob: succeeds when the layer is here already", async (t) => {
  const { store, source, add, files } = await openTestStore(t);
  await add(TAR);
  const blob = gzipSync(TAR);
  for (const expected of [{ diffId: DIFF_ID }, {}]) {
    const { layer } = await store.ingestBlob({ source: await source(blob), expected });
    assert.equal(layer.diffId, DIFF_ID);
  }
  assert.deepEqual(await files(), { layers: [hexOf(DIFF_ID)], unfinished: [] });
});

test("ingestBlob: two of one layer at a time both succeed and leave one file", async (t) => {
  const { store, source, files } = await openTestStore(t, { workers: 9 });
  const blobs = [gzipSync(TAR), zstdCompressSync(TAR), TAR];
  const done = await Promise.all(blobs.map(async (blob) => store.ingestBlob({ source: await source(blob) })));
  assert.deepEqual(
    done.map(({ layer }) => layer.diffId),
    [DIFF_ID, DIFF_ID, DIFF_ID],
  );
  assert.deepEqual(await files(), { layers: [hexOf(DIFF_ID)], unfinished: [] });
});

test("ingestBlob: more layers at a time than workers all come in", async (t) => {
  const { store, source } = await openTestStore(t, { workers: 3 });
  const tars = Array.from({ length: 8 }, (_, index) => tarOf([file(`f${index}`, noise(100_000, index + 1))]));
  await Promise.all(tars.map(async (tar) => store.ingestBlob({ source: await source(gzipSync(tar)) })));
  assert.deepEqual(
    store
      .list()
      .map(({ diffId }) => diffId)
      .sort(),
    tars.map(diffIdOfTar).sort(),
  );
});

test("ingestBlob: follows a file that is still being written", async (t) => {
  const { store, directory: place } = await openTestStore(t);
  const blob = gzipSync(TAR);
  const path = join(place, "download");
  await using out = await open(path, "w");
  const growing = createGrowingFile(path);
  const reports: number[] = [];
  const ingest = store.ingestBlob({ source: growing.file, onProgress: (bytes) => reports.push(bytes) });
  for (let at = 0; at < blob.length; at += 300_000) {
    const part = blob.subarray(at, at + 300_000);
    await out.write(part, 0, part.length, at);
    growing.advance(at + part.length);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  growing.finish();
  assert.equal((await ingest).layer.diffId, DIFF_ID);
  assert.ok(reports.every((bytes, at) => bytes <= blob.length && bytes >= (reports[at - 1] ?? 0)));
});

test("ingestBlob: a source that fails is told as such and leaves nothing", async (t) => {
  const { store, directory: place, files } = await openTestStore(t);
  const path = join(place, "download");
  await using out = await open(path, "w");
  await out.write(gzipSync(TAR).subarray(0, 1000));
  const growing = createGrowingFile(path, { available: 1000 });
  const ingest = store.ingestBlob({ source: growing.file });
  setTimeout(() => growing.fail(), 30);
  await assert.rejects(ingest, (error) => hasCode(error, "SOURCE_FAILED"));
  assert.deepEqual(await files(), { layers: [], unfinished: [] });
});

test("ingestBlob: a cancelled one stops while it waits for bytes and leaves nothing", async (t) => {
  const { store, directory: place, files } = await openTestStore(t);
  const path = join(place, "download");
  await using out = await open(path, "w");
  await out.write(gzipSync(TAR).subarray(0, 1000));
  const controller = new AbortController();
  const source = createGrowingFile(path, { available: 1000 }).file;
  const ingest = store.ingestBlob({ source, signal: controller.signal });
  setTimeout(() => controller.abort(), 30);
  await assert.rejects(ingest, isCancelled);
  assert.deepEqual(await files(), { layers: [], unfinished: [] });
});

test("ingestBlob: a tar beyond the bound is refused while it inflates", async (t) => {
  const { store, source, files } = await openTestStore(t, { maxTarBytes: 1 << 20 });
  const bomb = gzipSync(tarOf([file("zeros", Buffer.alloc(64 << 20))]));
  for (const blob of [bomb, zstdCompressSync(Buffer.alloc(64 << 20)), TAR]) {
    await assert.rejects(store.ingestBlob({ source: await source(blob) }), /layer refused|invalid tar/);
    assert.deepEqual(await files(), { layers: [], unfinished: [] });
  }
});

test("ingestBlob: sha512 digests are verified with sha512", async (t) => {
  const { createHash } = await import("node:crypto");
  const { store, source } = await openTestStore(t);
  const diffId = parseDiffId(`sha512:${createHash("sha512").update(TAR).digest("hex")}`);
  for (const blob of [gzipSync(TAR), TAR]) {
    const job = { source: await source(blob), expected: { diffId, blobDigest: digestOf(blob) } };
    assert.equal((await store.ingestBlob(job)).layer.diffId, diffId);
    await store.remove(diffId);
  }
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] ?? 0) ^ 0x55;
  return copy;
}
