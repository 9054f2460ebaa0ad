import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { categoryOf, ErrorCode, hasCode } from "#errors";
import { chainIdOf, digestOf, MediaType, parseChainId, parseDiffId, parseDigest } from "#oci";
import type { Descriptor, DiffId } from "#oci";
import { openMetadata } from "./openMetadata.ts";
import type { BuildStepRecord } from "./buildStepRecord.ts";
import type { ContainerRecord, ImageContentRecord, ImageRecord, LeaseResource, Metadata } from "./records.ts";

function open(context: TestContext): Metadata {
  const folder = mkdtempSync(join(tmpdir(), "varve-metadata-"));
  const metadata = openMetadata(join(folder, "varve.db"));
  context.after(() => {
    metadata[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  return metadata;
}

const diff = (text: string): DiffId => parseDiffId(digestOf(text));
const manifest: Descriptor = {
  mediaType: MediaType.OCI_MANIFEST,
  digest: digestOf("manifest"),
  size: 7,
  platform: { os: "linux", architecture: "amd64" },
  annotations: { "org.opencontainers.image.ref.name": "é" },
};
const image = (reference: string, id = "config"): ImageRecord => ({
  reference,
  target: manifest,
  imageId: digestOf(id),
  createdAt: 1,
  updatedAt: 2,
});
const content = (id: string, diffIds: readonly DiffId[] = []): ImageContentRecord => ({
  imageId: parseDigest(id),
  manifest,
  chainId: chainIdOf(diffIds),
  diffIds,
  lastTaggedAt: undefined,
  createdAt: 3,
});

test("images: come back as they were put, last put wins", (context) => {
  const { images } = open(context);
  images.put(image("b"));
  images.put(image("a"));
  images.put({ ...image("a"), updatedAt: 9 });
  assert.deepEqual(images.list(), [{ ...image("a"), updatedAt: 9 }, image("b")]);
  assert.deepEqual(images.get("b"), image("b"));
  assert.equal(images.get("c"), undefined);
  assert.equal(images.listByImageId(digestOf("config")).length, 2);
  assert.equal(images.remove("a"), true);
  assert.equal(images.remove("a"), false);
});

test("build steps: come back as they were put, uses count, a slot lists the last used first", (context) => {
  const { buildSteps } = open(context);
  const step: BuildStepRecord = {
    key: "sha256:1",
    id: "one",
    kind: "exec",
    slot: "[2/3]",
    description: "[2/3] RUN make",
    parents: ["zero"],
    diffIds: [diff("a"), diff("b")],
    bytes: 7,
    createdAt: 1,
    usedAt: 2,
    uses: 1,
  };
  const later = { ...step, key: "sha256:2", id: "two", usedAt: 3 };
  buildSteps.put(step, Buffer.from("x"));
  buildSteps.put(later, Buffer.from("y"));
  assert.deepEqual(buildSteps.list(), [step, later]);
  assert.deepEqual(Buffer.from(buildSteps.inputs("sha256:2") ?? []).toString(), "y");
  assert.equal(buildSteps.inputs("sha256:3"), undefined);
  buildSteps.used("sha256:1", 9);
  assert.deepEqual(buildSteps.get("sha256:1"), { ...step, usedAt: 9, uses: 2 });
  assert.deepEqual(
    buildSteps.inSlot("[2/3]", 1).map(({ id }) => id),
    ["one"],
  );
  assert.equal(buildSteps.remove("sha256:1"), true);
  assert.equal(buildSteps.remove("sha256:1"), false);
  assert.deepEqual(buildSteps.list(), [later]);
});

test("image contents: come back as they were put, with and without layers", (context) => {
  const { images } = open(context);
  const records = [content(digestOf("x"), [diff("1"), diff("2")]), { ...content(digestOf("y")), lastTaggedAt: 5 }];
  for (const record of records) images.putContent(record);
  for (const record of records) assert.deepEqual(images.getContent(record.imageId), record);
  assert.equal(images.listContent().length, 2);
  assert.equal(images.removeContent(digestOf("x")), true);
  assert.equal(images.removeContent(digestOf("x")), false);
});

test("findByIdPrefix: gives one, or two when ambiguous, and takes hex only", (context) => {
  const { images } = open(context);
  const [one, two, three] = ["a1", "a1f", "b0"].map((start) => parseDigest(`sha256:${start.padEnd(64, "0")}`));
  assert.ok(one && two && three);
  const long = parseDigest(`sha512:${"b1".padEnd(128, "0")}`);
  for (const id of [one, two, three, long]) images.putContent(content(id));
  assert.deepEqual(images.findByIdPrefix("a1"), [one, two]);
  assert.deepEqual(images.findByIdPrefix("a1f"), [two]);
  assert.deepEqual(images.findByIdPrefix(one.slice(7)), [one]);
  assert.deepEqual(images.findByIdPrefix("b"), [three, long]);
  for (const nothing of ["c", "", "a1%", "A1", "sha256:a1"]) assert.deepEqual(images.findByIdPrefix(nothing), []);
});

test("layers: come back with their compressed forms and sources", (context) => {
  const { layers } = open(context);
  const record = {
    diffId: diff("tar"),
    tarBytes: 2 ** 40,
    contentBytes: 1,
    fileBytes: 2,
    inodes: 3,
    indexDigest: "ab",
    fixups: "{}",
    synced: false,
    createdAt: 4,
  };
  layers.put(record);
  layers.put({ ...record, synced: true });
  assert.deepEqual(layers.list(), [{ ...record, synced: true }]);
  const gzip = { diffId: record.diffId, compression: "gzip", blob: { digest: digestOf("gz"), size: 5 } } as const;
  const again = { ...gzip, blob: { digest: digestOf("gz of another"), size: 6 } };
  for (const form of [gzip, again, gzip]) layers.putCompressed(form);
  assert.deepEqual(layers.getCompressed(record.diffId), [gzip, again]);
  assert.deepEqual(layers.findByBlob(digestOf("gz")), gzip);
  layers.removeCompressed(digestOf("gz"));
  assert.equal(layers.findByBlob(digestOf("gz")), undefined);
  const source = { digest: digestOf("gz"), domain: "registry.example:5000", path: "library/nginx" };
  layers.putSource(source);
  layers.putSource(source);
  assert.deepEqual(layers.sources(source.digest), [source]);
  layers.removeSources(source.digest);
  assert.deepEqual(layers.sources(source.digest), []);
  assert.equal(layers.remove(record.diffId), true);
  assert.equal(layers.get(record.diffId), undefined);
});

test("snapshots: know their children", (context) => {
  const { snapshots } = open(context);
  const base = {
    name: digestOf("base"),
    kind: "committed",
    parent: undefined,
    id: "1",
    diffId: diff("a"),
    createdAt: 1,
  } as const;
  const top = {
    name: "key",
    kind: "active",
    parent: parseChainId(base.name),
    id: "2",
    diffId: undefined,
    createdAt: 2,
  } as const;
  snapshots.put(base);
  snapshots.put(top);
  assert.deepEqual(snapshots.get("key"), top);
  assert.deepEqual(snapshots.children(parseChainId(base.name)), [top]);
  assert.equal(snapshots.list().length, 2);
  assert.throws(
    () => snapshots.put({ ...top, name: "other" }),
    (error) => hasCode(error, ErrorCode.METADATA_CONFLICT),
  );
  assert.equal(snapshots.remove("key"), true);
  assert.equal(snapshots.get("key"), undefined);
});

test("leases: keep each resource once, until deleted or expired", (context) => {
  const { leases } = open(context);
  const [one, two] = [leases.create({ purpose: "pull" }), leases.create({ purpose: "push" })];
  const blob: LeaseResource = { kind: "blob", name: digestOf("b") };
  const ingest: LeaseResource = { kind: "ingest", name: "download" };
  const seen: LeaseResource[] = [];
  {
    using _watch = leases.watch((resource) => seen.push(resource));
    for (const lease of [one, two]) leases.add(lease.id, blob);
    leases.add(one.id, ingest);
  }
  leases.add(two.id, { kind: "snapshot", name: "unseen" });
  assert.deepEqual(seen, [blob, blob, ingest]);
  assert.equal(leases.resources().length, 3);
  leases.delete(one.id);
  leases.delete(one.id);
  assert.deepEqual(leases.resources(), [blob, { kind: "snapshot", name: "unseen" }]);
  const expired = leases.create({ purpose: "late", expiresAt: Date.now() - 1 });
  for (const id of [one.id, expired.id, "nonsense"])
    assert.throws(
      () => leases.add(id, blob),
      (error) => categoryOf(error) === "not_found" && hasCode(error, ErrorCode.LEASE_NOT_FOUND),
    );
  assert.deepEqual(
    leases.list().map((lease) => lease.purpose),
    ["push"],
  );
});

test("containers: a name belongs to one", (context) => {
  const { containers } = open(context);
  const record: ContainerRecord = { id: "1", name: "web", imageId: digestOf("c"), document: "{}" };
  containers.put(record);
  containers.put({ ...record, document: '{"a":1}' });
  assert.throws(
    () => containers.put({ ...record, id: "2" }),
    (error) => categoryOf(error) === "conflict" && hasCode(error, ErrorCode.CONTAINER_NAME_IN_USE),
  );
  assert.deepEqual(containers.list(), [{ ...record, document: '{"a":1}' }]);
  assert.equal(containers.remove("1"), true);
  assert.equal(containers.get("1"), undefined);
});

test("events: ascend with whole nanoseconds, the newest 10,000 are kept", (context) => {
  const metadata = open(context);
  const start = 1_795_234_943_000_000_001n;
  metadata.transaction(() => {
    for (let index = 0n; index < 10_003n; index += 1n)
      metadata.events.append({ timeNanoseconds: start + index, document: String(index) });
  });
  const all = metadata.events.since(0n);
  assert.equal(all.length, 10_000);
  assert.deepEqual(all[0], { timeNanoseconds: start + 3n, document: "3" });
  assert.deepEqual(
    metadata.events.since(start + 10_002n).map((event) => event.document),
    ["10002"],
  );
});

test("events: what was appended last is there when the records are opened again", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "varve-events-"));
  context.after(() => rmSync(folder, { recursive: true }));
  {
    using metadata = openMetadata(join(folder, "varve.db"));
    metadata.events.append({ timeNanoseconds: 1n, document: "a" });
    metadata.events.append({ timeNanoseconds: 2n, document: "b" });
  }
  using metadata = openMetadata(join(folder, "varve.db"));
  assert.deepEqual(
    metadata.events.since(0n).map((event) => event.document),
    ["a", "b"],
  );
});

test("transaction: a throw undoes all, also what nested calls did", (context) => {
  const metadata = open(context);
  const { settings } = metadata;
  assert.throws(
    () =>
      metadata.transaction(() => {
        settings.put("outer", "1");
        metadata.transaction(() => settings.put("inner", "1"));
        throw new Error("stop");
      }),
    /stop/,
  );
  assert.deepEqual([settings.get("outer"), settings.get("inner")], [undefined, undefined]);
});

test("transaction: a nested throw that is caught undoes the nested part alone", (context) => {
  const metadata = open(context);
  const { settings } = metadata;
  const result = metadata.transaction(() => {
    settings.put("outer", "1");
    assert.throws(() =>
      metadata.transaction(() => {
        settings.put("inner", "1");
        throw new Error("stop");
      }),
    );
    return metadata.transaction(() => "value");
  });
  assert.equal(result, "value");
  assert.deepEqual([settings.get("outer"), settings.get("inner")], ["1", undefined]);
});

test("transaction: refuses asynchronous work and undoes it", (context) => {
  const metadata = open(context);
  assert.throws(
    () =>
      metadata.transaction(async () => {
        metadata.settings.put("a", "1");
        await Promise.resolve();
      }),
    /must be synchronous/,
  );
  assert.equal(metadata.settings.get("a"), undefined);
});
