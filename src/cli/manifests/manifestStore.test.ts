import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { loadConfigFile } from "#client";
import { digestOf } from "#oci";
import { manifestList, normalReference } from "./imageManifest.ts";
import type { ImageManifest } from "./imageManifest.ts";
import { ManifestStore } from "./manifestStore.ts";

const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

function imageOf(name: string, note: string): ImageManifest {
  const raw = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: DOCKER_MANIFEST, note }, undefined, "   "));
  return { ref: name, mediaType: DOCKER_MANIFEST, digest: digestOf(raw), raw };
}

describe("manifest store", () => {
  let folder: string;
  let store: ManifestStore;
  const list = normalReference("example.com/team/app:1");
  const name = normalReference("nginx");

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "varve-manifest-store-"));
    store = new ManifestStore(loadConfigFile(folder));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("a list is a folder of files that Docker's client names so; what was saved is read", () => {
    const image = {
      ...imageOf("docker.io/library/nginx:latest", "<&>"),
      platform: { os: "linux", architecture: "arm" },
    };
    store.save(list, name, image);
    assert.deepEqual(readdirSync(join(folder, "manifests")), ["example.com_team_app-1"]);
    assert.deepEqual(readdirSync(join(folder, "manifests/example.com_team_app-1")), ["docker.io_library_nginx-latest"]);
    assert.deepEqual(store.list(list), [image]);
    assert.deepEqual(store.get(list, name), image);
    store.remove(list);
    assert.equal(store.list(list), undefined);
    assert.throws(() => store.get(list, name), { message: "No such manifest: docker.io/library/nginx:latest" });
  });

  test("a file without bytes: they are made again, and checked", () => {
    const { raw, ref, ...image } = imageOf("docker.io/library/nginx:latest", "old");
    const descriptor = { ...image, size: raw.byteLength };
    const written = { Ref: ref, Descriptor: descriptor, SchemaV2Manifest: JSON.parse(raw.toString()) as unknown };
    mkdirSync(join(folder, "manifests/example.com_team_app-1"), { recursive: true });
    const path = join(folder, "manifests/example.com_team_app-1/docker.io_library_nginx-latest");
    writeFileSync(path, JSON.stringify(written));
    assert.deepEqual(store.get(list, name).raw, raw);
    writeFileSync(path, JSON.stringify({ ...written, SchemaV2Manifest: { schemaVersion: 2 } }));
    assert.throws(() => store.get(list, name), /^Error: internal digest mismatch for docker.io\/library\/nginx:latest/);
  });
});

test("manifest list: Docker's bytes; OCI's when the first image is one", () => {
  const target = normalReference("example.com/team/app:1");
  const image = {
    ...imageOf("example.com/team/a:1", "one"),
    platform: { os: "linux", architecture: "arm64", variant: "v8", "os.features": ["<x>"] },
  };
  const made = manifestList(target, [image]);
  assert.equal(
    made.raw.toString(),
    `{
   "schemaVersion": 2,
   "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
   "manifests": [
      {
         "mediaType": "${DOCKER_MANIFEST}",
         "size": ${image.raw.byteLength},
         "digest": "${image.digest}",
         "platform": {
            "architecture": "arm64",
            "os": "linux",
            "os.features": [
               "\\u003cx\\u003e"
            ],
            "variant": "v8"
         }
      }
   ]
}`,
  );
  const oci = { ...image, mediaType: "application/vnd.oci.image.manifest.v1+json" };
  assert.equal(manifestList(target, [oci]).mediaType, "application/vnd.oci.image.index.v1+json");
  assert.throws(() => manifestList(target, [imageOf("other.com/a:1", "x")]), /different registry/);
});
