/**
 * What transports tell of a layer beside what the layer store makes of it: archives that other tools wrote, and those of
 * `VARVE_TEST_IMAGES` (paths of docker-archives, with ":" between). Needs no root.
 */
import assert from "node:assert/strict";
import { createReadStream, existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { entriesOfErofs, withLowerHardlinks } from "#analysis";
import type { LayerEntry } from "#analysis";
import { openLayerStore } from "#layers";
import type { LayerStore } from "#layers";
import { openMetadata } from "#metadata";
import { readTarStream } from "#tar";
import { openImage } from "#transports";

const FIXTURES = resolve(import.meta.dirname, "../../../shared/fixtures/images");
const CASES: readonly (readonly [transport: string, file: string])[] = [
  ["docker-archive", join(FIXTURES, "test-docker-image.tar")],
  ["docker-archive", join(FIXTURES, "test-kaniko-image.tar")],
  ["oci-archive", join(FIXTURES, "test-oci-estargz-image.tar")],
  ["oci-archive", join(FIXTURES, "test-oci-gzip-image.tar")],
  ["oci-archive", join(FIXTURES, "test-oci-uncompressed-image.tar")],
  ["oci-archive", join(FIXTURES, "test-oci-zstd-image.tar")],
  ...(process.env["VARVE_TEST_IMAGES"] ?? "")
    .split(":")
    .filter((path) => path !== "")
    .map((path) => ["docker-archive", path] as const),
];
const PRESENT = CASES.filter(([, file]) => existsSync(file));

function plain(bytes: Buffer): Buffer {
  const magic = bytes.toString("hex", 0, 4);
  if (magic.startsWith("1f8b")) return gunzipSync(bytes);
  return magic === "28b52ffd" ? zstdDecompressSync(bytes) : bytes;
}

/** Every member of the archive that the store takes as a layer, by diffID. */
async function ingestAll(file: string, store: LayerStore): Promise<void> {
  for await (const { body } of readTarStream(createReadStream(file))) {
    const parts: Uint8Array[] = [];
    for await (const chunk of body) parts.push(Buffer.from(chunk));
    try {
      await using writer = await store.ingestTar();
      await writer.write(plain(Buffer.concat(parts)));
      await writer.commit();
    } catch {
      // Documents of the archive are no layers.
    }
  }
}

const comparable = (entry: LayerEntry): unknown => ({
  ...entry,
  xattrs: Object.entries(entry.xattrs ?? {}).map(([name, value]) => [name, Buffer.from(value).toString("hex")]),
});

async function hashOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts).toString("base64");
}

for (const [transport, file] of PRESENT) {
  test(`transports: ${transport} ${file.slice(file.lastIndexOf("/") + 1)} as the layer store has it`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "varve-transports-"));
    const metadata = openMetadata(join(directory, "varve.db"));
    const store = await openLayerStore({ root: join(directory, "layers"), records: metadata.layers, workers: 2 });
    t.after(async () => {
      await store.close();
      metadata[Symbol.dispose]();
      await rm(directory, { recursive: true });
    });
    await ingestAll(file, store);
    await using image = await openImage(`${transport}:${file}`);
    assert.ok(image.layers.length > 0);
    for (const { index, diffId } of image.layers) {
      const info = store.get(diffId);
      assert.ok(info !== undefined, `${diffId} is in the store`);
      await using reader = await store.openReader(diffId);
      const stored = withLowerHardlinks(entriesOfErofs(reader.image, info.impliedDirectories), info.lowerHardlinks);
      const entries = await image.readLayer(index);
      assert.deepEqual(entries.map(comparable), stored.map(comparable));
      for (const { path, type, hardLink } of entries) {
        if (type !== "file" || hardLink === true) continue;
        const nid = reader.image.lookup(path) ?? -1;
        assert.equal(await hashOf(image.readFile(index, path)), await hashOf(reader.readFile(nid)), path);
      }
    }
  });
}

test("transports: archives of other tools are there", {
  skip: PRESENT.length < CASES.length && `${CASES.length - PRESENT.length} of ${CASES.length} archives are missing`,
}, () => {
  assert.equal(PRESENT.length, CASES.length);
});
