import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, MediaType, parseManifest } from "#oci";
import { isForeign, makeManifest } from "./pushedManifest.ts";

const config = { mediaType: MediaType.DOCKER_CONFIG, digest: digestOf("config"), size: 6 };
const layer = { mediaType: MediaType.DOCKER_LAYER_GZIP, digest: digestOf("layer"), size: 5 };

test("made manifest: is schema 2, names config and layers, and is the same each time", () => {
  const made = makeManifest(config, [layer, layer]);
  const document = parseManifest(made.raw);
  assert.equal(document.mediaType, MediaType.DOCKER_MANIFEST);
  assert.ok(document.kind === "manifest");
  assert.deepEqual(document.value.layers, [layer, layer]);
  assert.deepEqual(made.descriptor, { mediaType: document.mediaType, digest: document.digest, size: made.raw.length });
  assert.deepEqual(makeManifest(config, [layer, layer]), made);
});

test("made manifest: has Docker's spelling", () => {
  const text = Buffer.from(makeManifest(config, []).raw).toString();
  assert.ok(
    text.startsWith(`{\n   "schemaVersion": 2,\n   "mediaType": "${MediaType.DOCKER_MANIFEST}",\n   "config": {`),
  );
});

test("foreign layer: is one with URLs", () => {
  assert.equal(isForeign(layer), false);
  assert.equal(isForeign({ ...layer, urls: ["https://example.com/layer"] }), true);
});
