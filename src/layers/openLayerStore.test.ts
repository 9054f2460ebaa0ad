import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { hasCode, isCancelled, isNotFound } from "#errors";
import { openMetadata } from "#metadata";
import { hexOf } from "#oci";
import type { DiffId, Digest } from "#oci";
import { encodeTarHeader } from "#tar";
import type { LayerStore } from "./layerStore.ts";
import { openLayerStore } from "./openLayerStore.ts";
import { collect, diffIdOfTar, directory, file, noise, openTestStore, tarOf } from "./testStore.ts";

const TAR = tarOf([directory("etc"), file("etc/hosts", "127.0.0.1 localhost\n"), file("blob", noise(2 << 20))]);
const DIFF_ID = diffIdOfTar(TAR);

async function compressed(
  store: LayerStore,
  diffId: DiffId,
  compression: "gzip" | "zstd",
): Promise<{ readonly bytes: Buffer; readonly digest: Digest; readonly size: number }> {
  const parts: Uint8Array[] = [];
  const write = async (chunk: Uint8Array): Promise<void> => void parts.push(Uint8Array.from(chunk));
  const result = await store.compress(diffId, { compression, write });
  return { bytes: Buffer.concat(parts), ...result };
}

test("ingestTar: takes chunks of any size, reused at once", async (t) => {
  const { store } = await openTestStore(t);
  for (const size of [1, 511, 32_768, TAR.length]) {
    const source = size === 1 ? tarOf([file("small", "small")]) : TAR;
    await using writer = await store.ingestTar();
    const chunk = Buffer.alloc(size);
    for (let at = 0; at < source.length; at += size) {
      const part = source.subarray(at, at + size);
      part.copy(chunk);
      await writer.write(chunk.subarray(0, part.length));
      chunk.fill(0xee);
    }
    assert.equal(writer.bytes, source.length);
    const { layer, blob } = await writer.commit({ diffId: diffIdOfTar(source) });
    assert.deepEqual(await collect(store.readTar(layer.diffId)), source);
    assert.deepEqual(blob, { digest: layer.diffId, size: source.length, compression: "none" });
  }
});

test("ingestTar: an empty stream is a layer of nothing", async (t) => {
  const { store, add } = await openTestStore(t);
  const diffId = await add(Buffer.alloc(0));
  assert.equal(store.get(diffId)?.inodes, 1);
  assert.deepEqual(await collect(store.readTar(diffId)), Buffer.alloc(0));
});

test("ingestTar: what is not committed leaves nothing", async (t) => {
  const { store, files } = await openTestStore(t);
  {
    await using writer = await store.ingestTar();
    await writer.write(TAR);
  }
  const bad = await store.ingestTar();
  await bad.write(Buffer.alloc(8 << 20, "no tar at all, for long ")).catch(() => undefined);
  await assert.rejects(bad.commit(), (error) => hasCode(error, "INVALID_TAR"));
  const wrong = await store.ingestTar();
  await wrong.write(TAR);
  await assert.rejects(wrong.commit({ blobSize: 3 }), (error) => hasCode(error, "SIZE_MISMATCH"));
  assert.deepEqual(await files(), { layers: [], unfinished: [] });
});

test("ingestTar: a writer that failed refuses more and stays refusing", async (t) => {
  const { store } = await openTestStore(t);
  const writer = await store.ingestTar();
  const junk = Buffer.alloc(1 << 20, "junk");
  await assert.rejects(async () => {
    for (let count = 0; count < 64; count += 1) await writer.write(junk);
  }, /invalid tar/);
  await assert.rejects(writer.write(junk), /invalid tar/);
  await writer.abort();
  await writer.abort();
});

test("ingestTar: a writer that was given up takes nothing more, and spoils no other's bytes", async (t) => {
  const { store } = await openTestStore(t);
  const lost = await store.ingestTar();
  await lost.write(Buffer.alloc(100, 1));
  await lost[Symbol.asyncDispose]();
  await using writer = await store.ingestTar();
  await writer.write(TAR.subarray(0, 100));
  await assert.rejects(lost.write(Buffer.alloc(1 << 20, 1)), isCancelled);
  await writer.write(TAR.subarray(100));
  assert.equal((await writer.commit()).layer.diffId, DIFF_ID);
});

test("ingestTar: a cancelled writer rejects", async (t) => {
  const { store, files } = await openTestStore(t);
  const controller = new AbortController();
  const writer = await store.ingestTar({ signal: controller.signal });
  await writer.write(TAR.subarray(0, 1024));
  controller.abort();
  await assert.rejects(writer.commit(), isCancelled);
  assert.deepEqual(await files(), { layers: [], unfinished: [] });
});

test("readTar: gives any tail, and nothing of an unknown layer", async (t) => {
  const { store, add } = await openTestStore(t);
  const diffId = await add(TAR);
  for (const offset of [0, 1, 512, TAR.length - 1, TAR.length, TAR.length + 5]) {
    assert.deepEqual(await collect(store.readTar(diffId, { offset })), TAR.subarray(offset));
  }
  for await (const chunk of store.readTar(diffId)) assert.ok(chunk.length <= 1 << 20);
  await assert.rejects(collect(store.readTar(diffIdOfTar(Buffer.from("x")))), isNotFound);
  await assert.rejects(collect(store.readTar(diffId, { signal: AbortSignal.abort() })), isCancelled);
});

test("remove: takes row and file, twice", async (t) => {
  const { store, add, files } = await openTestStore(t);
  const diffId = await add(TAR);
  await store.remove(diffId);
  await store.remove(diffId);
  assert.equal(store.get(diffId), undefined);
  assert.throws(() => store.path(diffId), isNotFound);
  // Freeing of what was discarded goes on behind; closing waits for it.
  await store.close();
  assert.deepEqual(await files(), { layers: [], unfinished: [] });
});

test("compress: the same bytes for one worker and for four, and they are the tar", async (t) => {
  const tar = tarOf([file("a", noise(9 << 20)), file("b", Buffer.alloc(5 << 20, "text "))]);
  for (const compression of ["gzip", "zstd"] as const) {
    const outcomes = await Promise.all(
      [3, 4].map(async (workers) => {
        const { store, add } = await openTestStore(t, { workers });
        return await compressed(store, await add(tar), compression);
      }),
    );
    const [first, second] = outcomes;
    assert.deepEqual(first, second);
    assert.equal(first?.size, first?.bytes.length);
    assert.deepEqual((compression === "gzip" ? gunzipSync : zstdDecompressSync)(first?.bytes ?? ""), tar);
  }
});

test("compress: comes back in as the same layer", async (t) => {
  const { store, add, source } = await openTestStore(t);
  await add(TAR);
  for (const compression of ["gzip", "zstd"] as const) {
    const { bytes, digest, size } = await compressed(store, DIFF_ID, compression);
    const expected = { diffId: DIFF_ID, blobDigest: digest, blobSize: size };
    const { blob } = await store.ingestBlob({ source: await source(bytes), expected });
    assert.equal(blob.compression, compression);
  }
});

test("compress: tells how much of the tar is in what was written", async (t) => {
  const { store, add } = await openTestStore(t);
  const tar = tarOf([file("a", noise(9 << 20))]);
  const ends: number[] = [];
  const write = async (_: Uint8Array, tarBytes: number): Promise<void> => void ends.push(tarBytes);
  await store.compress(await add(tar), { compression: "gzip", write });
  assert.deepEqual(ends, [4 << 20, 8 << 20, tar.length]);
});

test("compress: ends and frees the workers when writing fails or it is given up", async (t) => {
  const { store, add } = await openTestStore(t);
  const diffId = await add(TAR);
  const full = (): Promise<void> => Promise.reject(new Error("disk is full"));
  await assert.rejects(store.compress(diffId, { compression: "gzip", write: full }), /disk is full/);
  const abort = new AbortController();
  const write = async (): Promise<void> => abort.abort();
  const large = await add(tarOf([file("large", noise(5 << 20))]));
  await assert.rejects(store.compress(large, { compression: "gzip", write, signal: abort.signal }), isCancelled);
  await add(tarOf([file("next", "x")]));
});

test("writeLayerFile: makes a readable layer file outside the store", async (t) => {
  const { store, directory: place, files } = await openTestStore(t);
  const path = join(place, "fixup");
  for (const tar of [TAR, tarOf([directory("usr", { uid: 7 })])]) {
    const info = await store.writeLayerFile(path, [tar]);
    assert.equal(info.tarBytes, tar.length);
    assert.equal((await stat(path)).size, info.fileBytes);
  }
  assert.deepEqual(await files(), { layers: [], unfinished: [] });
  await assert.rejects(store.writeLayerFile(path, [Buffer.from("x".repeat(1024))]), /invalid tar/);
  assert.deepEqual(await files(), { layers: [], unfinished: [] });
});

test("verifyUnsynced: keeps what is whole, mends an index, drops a damaged tar", async (t) => {
  const { store, add, metadata } = await openTestStore(t);
  const tars = ["whole", "tar", "index", "short"].map((name) => tarOf([file(name, noise(50_000))]));
  const [whole, inTar, inIndex, short] = await Promise.all(tars.map(add));
  assert.ok(whole !== undefined && inTar !== undefined && inIndex !== undefined && short !== undefined);
  await damage(store.path(inTar), 5000);
  await damage(store.path(inIndex), (metadata.layers.get(inIndex)?.fileBytes ?? 0) - 500);
  await truncate(store.path(short), 20_000);
  assert.deepEqual([...(await store.verifyUnsynced())].sort(), [inTar, short].sort());
  const left = store.list().map(({ diffId }) => diffId);
  assert.deepEqual(left.sort(), [whole, inIndex].sort());
  await using reader = await store.openReader(inIndex);
  assert.notEqual(reader.image.lookup("index"), undefined);
  assert.deepEqual(await store.verifyUnsynced(), []);
});

test("syncUnsynced: what was synced is not verified again", async (t) => {
  const { store, add, metadata } = await openTestStore(t);
  await add(TAR);
  assert.equal(metadata.layers.get(DIFF_ID)?.synced, false);
  await store.syncUnsynced();
  assert.equal(metadata.layers.get(DIFF_ID)?.synced, true);
  await damage(store.path(DIFF_ID), 5000);
  assert.deepEqual(await store.verifyUnsynced(), []);
});

test("openLayerStore: sweeps unfinished files, files without rows and rows without files", async (t) => {
  const { store, add, metadata, directory: place, files } = await openTestStore(t);
  const [kept, lost] = [await add(TAR), await add(tarOf([file("lost", "x")]))];
  await rm(store.path(lost));
  const root = join(place, "layers");
  await writeFile(join(root, "tmp", "unfinished"), "x");
  await writeFile(join(root, "0".repeat(64)), "x");
  await using again = await openLayerStore({ root, records: metadata.layers });
  assert.deepEqual(
    again.list().map(({ diffId }) => diffId),
    [kept],
  );
  assert.deepEqual(await files(), { layers: [hexOf(kept)], unfinished: [] });
});

test("openLayerStore: after kill -9 amid ingests every layer that is listed is whole", async (t) => {
  const place = await mkdtemp(join(tmpdir(), "varve-killed-"));
  t.after(() => rm(place, { recursive: true, force: true }));
  for (const delayMs of [0, 40, 90]) {
    const child = fork(fileURLToPath(new URL("./testKilledIngest.ts", import.meta.url)), [place]);
    await once(child, "message");
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    child.kill("SIGKILL");
    await once(child, "exit");
    using metadata = openMetadata(join(place, "varve.db"));
    await using store = await openLayerStore({ root: join(place, "layers"), records: metadata.layers });
    assert.deepEqual(await store.verifyUnsynced(), []);
    for (const { diffId } of store.list()) assert.equal(diffIdOfTar(await collect(store.readTar(diffId))), diffId);
  }
});

test("ingestTar: a sparse file of 9 GiB costs little and reads as zeros and data", async (t) => {
  const { store, directory: place } = await openTestStore(t);
  const size = 9 * 2 ** 30;
  const tar = sparseTar(size, "the end");
  await using writer = await store.ingestTar();
  await writer.write(tar);
  const { layer } = await writer.commit();
  assert.equal(layer.contentBytes, size);
  const { blocks } = await stat(store.path(layer.diffId));
  assert.ok(blocks * 512 < 1 << 20, `${blocks} blocks in ${place}`);
  await using view = await store.openView([layer.diffId]);
  const entry = view.lookup("sparse");
  assert.ok(entry !== undefined);
  assert.equal((await collect(view.readFile(entry, { offset: size - 7 }))).toString(), "the end");
  assert.deepEqual(await collect(view.readFile(entry, { offset: 12345, length: 100 })), Buffer.alloc(100));
  assert.deepEqual(await store.verifyUnsynced(), []);
  assert.equal((await collect(store.readTar(layer.diffId))).equals(tar), true);
});

/** PAX 1.0: a map of one run at the end, then the run. */
function sparseTar(size: number, end: string): Buffer {
  const map = Buffer.alloc(512);
  map.write(`1\n${size - end.length}\n${end.length}\n`);
  const records = [
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", "sparse"],
    ["GNU.sparse.realsize", String(size)],
  ].map(([key, value]) => record(`${key}=${value}`));
  const pax = Buffer.from(records.join(""));
  const paxHeader = Buffer.from(encodeTarHeader({ path: "PaxHeaders/sparse", type: "file", size: pax.length }));
  paxHeader.write("x", 156);
  paxHeader.fill(0x20, 148, 156);
  const sum = paxHeader.reduce((total, byte) => total + byte, 0);
  paxHeader.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const header = encodeTarHeader({ path: "GNUSparseFile.0/sparse", type: "file", mode: 0o644, size: 512 + end.length });
  const data = Buffer.alloc(512);
  data.write(end);
  return Buffer.concat([paxHeader, pax, Buffer.alloc(512 - pax.length), header, map, data, Buffer.alloc(1024)]);
}

function record(text: string): string {
  let length = text.length + 2;
  while (`${length} ${text}\n`.length !== length) length += 1;
  return `${length} ${text}\n`;
}

async function damage(path: string, at: number): Promise<void> {
  await using handle = await open(path, "r+");
  const before = (await readFile(path))[at] ?? 0;
  await handle.write(Buffer.from([before ^ 0xff]), 0, 1, at);
}
