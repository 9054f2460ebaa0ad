import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorCode, hasCode, isInvalidArgument } from "#errors";
import { digestOf } from "./digest.ts";
import { isAttestation, MAX_MANIFEST_BYTES, parseDescriptor, parseManifest, selectManifest } from "./manifest.ts";
import type { OciIndex } from "./manifest.ts";
import { compressionOf, MediaType } from "./mediaTypes.ts";
import { parsePlatform } from "./platform.ts";

const descriptor = (mediaType: string, more: object = {}): object => ({
  mediaType,
  digest: `sha256:${"a".repeat(64)}`,
  size: 7,
  ...more,
});
const MANIFEST = {
  schemaVersion: 2,
  mediaType: MediaType.OCI_MANIFEST,
  config: descriptor(MediaType.OCI_CONFIG),
  layers: [descriptor(MediaType.OCI_LAYER_GZIP), descriptor(MediaType.OCI_LAYER_ZSTD)],
};
const INDEX = {
  schemaVersion: 2,
  mediaType: MediaType.OCI_INDEX,
  manifests: [descriptor(MediaType.OCI_MANIFEST, { platform: { os: "linux", architecture: "amd64" } })],
};
const bytes = (value: unknown): Buffer => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));

function refused(value: unknown, message: RegExp, declared?: string): void {
  assert.throws(
    () => parseManifest(bytes(value), declared),
    (error: unknown) => {
      assert.ok(isInvalidArgument(error));
      assert.match((error as Error).message, message);
      return true;
    },
  );
}

test("parseManifest: keeps the bytes and their digest beside the value", () => {
  const raw = bytes(` ${JSON.stringify(MANIFEST, undefined, 3)}\n`);
  const document = parseManifest(raw);
  assert.equal(document.raw, raw);
  assert.equal(document.digest, digestOf(raw));
  assert.equal(document.kind, "manifest");
  assert.equal(document.kind === "manifest" && document.value.layers.length, 2);
});

test("parseManifest: reads a view into a larger buffer", () => {
  const raw = bytes(`xx${JSON.stringify(INDEX)}yy`).subarray(2, -2);
  assert.equal(parseManifest(raw).kind, "index");
});

test("parseManifest: reads Docker's media types as their OCI twins", () => {
  assert.equal(parseManifest(bytes({ ...MANIFEST, mediaType: MediaType.DOCKER_MANIFEST })).kind, "manifest");
  assert.equal(parseManifest(bytes({ ...INDEX, mediaType: MediaType.DOCKER_MANIFEST_LIST })).kind, "index");
});

test("parseManifest: without an own media type the declared one holds, else the shape", () => {
  const { mediaType: _m, ...manifest } = MANIFEST;
  const { mediaType: _i, ...index } = INDEX;
  assert.equal(parseManifest(bytes(manifest), MediaType.DOCKER_MANIFEST).mediaType, MediaType.DOCKER_MANIFEST);
  assert.equal(parseManifest(bytes(manifest), "application/json").mediaType, MediaType.OCI_MANIFEST);
  assert.equal(parseManifest(bytes(manifest)).kind, "manifest");
  assert.equal(parseManifest(bytes(index), "text/plain").kind, "index");
});

test("parseManifest: refuses what can be read as manifest and as index (CVE-2021-41190)", () => {
  const { mediaType: _m, ...both } = { ...MANIFEST, ...INDEX };
  for (const declared of [undefined, MediaType.OCI_MANIFEST, MediaType.OCI_INDEX, MediaType.DOCKER_MANIFEST_LIST]) {
    refused(both, /must not have/, declared);
  }
  refused({ ...MANIFEST, manifests: [] }, /invalid manifest: it must not have manifests/);
  refused({ ...INDEX, layers: [] }, /invalid index: it must not have layers/);
  refused({ ...INDEX, config: MANIFEST.config }, /invalid index: it must not have config/);
  refused({ ...MANIFEST, fsLayers: [{}] }, /must not have fsLayers/);
});

test("parseManifest: refuses a document whose media type contradicts the announced one", () => {
  refused(MANIFEST, /announced as/, MediaType.OCI_INDEX);
  refused(INDEX, /announced as/, MediaType.DOCKER_MANIFEST);
  assert.equal(parseManifest(bytes(MANIFEST), MediaType.DOCKER_MANIFEST).mediaType, MediaType.OCI_MANIFEST);
});

test("parseManifest: takes null for an empty list, as Go programs write it", () => {
  const document = parseManifest(
    bytes({ ...MANIFEST, layers: null, manifests: null, annotations: null, subject: null }),
  );
  assert.ok(document.kind === "manifest");
  assert.deepEqual(document.value.layers, []);
  assert.equal(document.value.annotations, undefined);
});

test("parseManifest: refuses schema 1 by version and by media type", () => {
  for (const value of [{ schemaVersion: 1, fsLayers: [] }, { mediaType: MediaType.DOCKER_MANIFEST_V1 }]) {
    assert.throws(
      () => parseManifest(bytes(value)),
      (error: unknown) => hasCode(error, ErrorCode.UNSUPPORTED_MEDIA_TYPE),
    );
  }
  refused({ schemaVersion: 1 }, /manifest version 2, schema 1 are not supported/);
  refused({ ...MANIFEST, schemaVersion: 3 }, /unknown schemaVersion 3/);
});

test("parseManifest: refuses an unknown media type by name", () => {
  refused({ ...MANIFEST, mediaType: "application/x-thing" }, /unsupported manifest media type "application\/x-thing"/);
  refused({ schemaVersion: 2 }, /unsupported manifest media type ""/);
});

test("parseManifest: refuses what is no JSON object", () => {
  for (const text of ["", "{", "[]", "null", "7", '"x"']) refused(text, /^invalid manifest: not/);
});

test("parseManifest: names the place of a bad descriptor", () => {
  refused({ ...MANIFEST, config: undefined }, /config is not a descriptor/);
  refused({ ...MANIFEST, layers: "x" }, /layers is not a list/);
  refused({ ...MANIFEST, layers: [null] }, /layers\[0\] is not a descriptor/);
  refused({ ...MANIFEST, layers: [descriptor("x", { digest: "sha256:../../etc" })] }, /layers\[0\].*invalid digest/);
  for (const size of [-1, 1.5, "7", null, 2 ** 60])
    refused({ ...MANIFEST, layers: [descriptor("x", { size })] }, /layers\[0\] has no valid size/);
  refused({ ...INDEX, manifests: [descriptor("x", { mediaType: 7 })] }, /manifests\[0\] has no mediaType/);
});

test("parseManifest: bounds bytes and entries", () => {
  assert.throws(() => parseManifest(new Uint8Array(MAX_MANIFEST_BYTES + 1)), /manifest is too large: 4194305 bytes/);
  const tiny = { mediaType: "x", digest: `sha256:${"a".repeat(64)}`, size: 1 };
  refused({ ...MANIFEST, layers: Array.from({ length: 10_001 }, () => tiny) }, /more than 10000 layers/);
  refused({ ...INDEX, manifests: Array.from({ length: 10_001 }, () => tiny) }, /more than 10000 manifests/);
});

test("parseDescriptor: keeps what it knows, in its type, and drops the rest", () => {
  const platform = {
    os: "linux",
    architecture: "arm",
    variant: "v7",
    "os.version": "1",
    "os.features": ["a", 7],
    x: 1,
  };
  assert.deepEqual(
    parseDescriptor(
      descriptor("m", {
        platform,
        annotations: { a: "b", c: 7 },
        urls: ["u", 7],
        artifactType: "t",
        data: "e30=",
        other: 1,
      }),
      "x",
    ),
    {
      ...descriptor("m"),
      platform: { os: "linux", architecture: "arm", variant: "v7", "os.version": "1", "os.features": ["a"] },
      annotations: { a: "b" },
      urls: ["u"],
      artifactType: "t",
      data: "e30=",
    },
  );
  const odd = { os: "linux", architecture: "amd64", variant: 7 };
  assert.deepEqual(parseDescriptor(descriptor("m", { platform: odd }), "x").platform, {
    os: "linux",
    architecture: "amd64",
  });
  assert.equal(parseDescriptor(descriptor("m", { platform: { os: 1 } }), "x").platform, undefined);
});

function index(...platforms: readonly (string | undefined)[]): OciIndex {
  const manifests = platforms.map((text, at) =>
    parseDescriptor(
      descriptor("m", { size: at, ...(text === undefined ? {} : { platform: parsePlatform(text) }) }),
      "x",
    ),
  );
  return { schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests };
}

test("selectManifest: takes the best platform, the first of equals, one without platform last", () => {
  const pick = (value: OciIndex, want: string): number | undefined => selectManifest(value, parsePlatform(want))?.size;
  assert.equal(pick(index("linux/arm64", "linux/amd64", "linux/amd64"), "linux/amd64"), 1);
  assert.equal(pick(index("linux/arm/v6", "linux/arm/v7"), "linux/arm/v7"), 1);
  assert.equal(pick(index(undefined, "linux/amd64"), "linux/amd64"), 1);
  assert.equal(pick(index(undefined, "linux/arm64"), "linux/amd64"), 0);
  assert.equal(pick(index("windows/amd64"), "linux/amd64"), undefined);
  assert.equal(pick(index(), "linux/amd64"), undefined);
});

test("selectManifest: never takes BuildKit's attestations", () => {
  const attestation = parseDescriptor(
    descriptor("m", {
      annotations: { "vnd.docker.reference.type": "attestation-manifest" },
      platform: { os: "unknown", architecture: "unknown" },
    }),
    "x",
  );
  assert.ok(isAttestation(attestation));
  assert.ok(!isAttestation(parseDescriptor(descriptor("m"), "x")));
  const value = { schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests: [attestation] } as const;
  assert.equal(selectManifest(value, parsePlatform("linux/amd64")), undefined);
});

test("compressionOf: reads every layer media type, and nothing else", () => {
  assert.equal(compressionOf(MediaType.DOCKER_LAYER_GZIP), "gzip");
  assert.equal(compressionOf(MediaType.OCI_LAYER), "none");
  assert.equal(compressionOf("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"), "zstd");
  assert.equal(compressionOf(MediaType.OCI_CONFIG), undefined);
});
