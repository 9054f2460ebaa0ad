import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, test } from "node:test";
import { digestOf } from "#oci";
import {
  blobSize,
  cacheStores,
  parseLayout,
  readBlob,
  recordCaches,
  withCacheDigests,
  writeBlob,
} from "./ociLayout.ts";

const [ONE, TWO] = [digestOf("1"), digestOf("2")];
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "varve-layout-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function writeIndex(...tags: readonly (readonly [digest: string, tag: string])[]): void {
  const manifests = tags.map(([digest, tag]) => ({
    digest,
    annotations: { "org.opencontainers.image.ref.name": tag },
  }));
  writeFileSync(join(folder, "index.json"), JSON.stringify({ manifests }));
}

test("oci layout: named by tag, by digest, or the only one", () => {
  writeIndex([ONE, "a"], [TWO, "latest"]);
  assert.deepEqual(parseLayout(`oci-layout://${folder}`), { path: folder, digest: TWO });
  assert.deepEqual(parseLayout(`oci-layout://${folder}:a`), { path: folder, digest: ONE });
  assert.deepEqual(parseLayout(`oci-layout://${folder}@${ONE}`), { path: folder, digest: ONE });
  assert.throws(() => parseLayout(`oci-layout://${folder}:no`), /could not be resolved: failed to resolve digest/);
  assert.throws(() => parseLayout("oci-layout:///nosuch"), /could not be resolved: /);
  writeIndex([ONE, "a"]);
  assert.equal(parseLayout(`oci-layout://${folder}`).digest, ONE);
});

test("oci layout: blobs by digest only, kept when they are what they say", async () => {
  await writeBlob(folder, ONE, Readable.from([Buffer.from("1")]));
  assert.equal(readFileSync(join(folder, "blobs/sha256", ONE.slice(7)), "utf8"), "1");
  assert.equal(blobSize(folder, ONE), 1);
  assert.equal(blobSize(folder, TWO), undefined);
  assert.equal(await text(Readable.from(readBlob(folder, ONE, { offset: 0 }))), "1");
  assert.equal(await text(Readable.from(readBlob(folder, ONE, { offset: 1, length: 0 }))), "");
  await assert.rejects(writeBlob(folder, TWO, Readable.from([Buffer.from("x")])), /the daemon sent other bytes/);
  assert.equal(existsSync(join(folder, "blobs/sha256", TWO.slice(7))), false);
  assert.throws(() => blobSize(folder, "sha256:../../index.json"));
});

test("oci layout: caches on disk are stores; one that is not there yet is left out", () => {
  writeIndex([ONE, "latest"]);
  const imports = [
    { type: "local", attributes: { src: folder } },
    { type: "local", attributes: { src: "/nosuch" } },
    { type: "registry", attributes: { ref: "x" } },
  ];
  assert.deepEqual(withCacheDigests(imports), [
    { type: "local", attributes: { src: folder, digest: ONE } },
    { type: "registry", attributes: { ref: "x" } },
  ]);
  const stores = cacheStores([], [{ type: "local", attributes: { dest: "/d" } }]);
  assert.deepEqual([...stores], [["local:/d", "/d"]]);
  assert.throws(() => cacheStores([], [{ type: "local", attributes: {} }]), /local cache exporter requires dest/);
});

test("oci layout: an exported cache is named by its tag, others stay", () => {
  const dest = join(folder, "cache");
  const to = (tag: string) => [{ type: "local", attributes: { dest, tag } }];
  recordCaches(to("a"), {});
  assert.equal(existsSync(dest), false);
  const manifest = (digest: string) => ({ "cache.manifest": JSON.stringify({ digest, size: 1, mediaType: "m" }) });
  recordCaches(to("a"), manifest(ONE));
  recordCaches(to("latest"), manifest(ONE));
  recordCaches(to("latest"), manifest(TWO));
  assert.equal(parseLayout(`oci-layout://${dest}:a`).digest, ONE);
  assert.equal(parseLayout(`oci-layout://${dest}`).digest, TWO);
});
