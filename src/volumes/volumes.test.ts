import assert from "node:assert/strict";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hasCode } from "#errors";
import { openMetadata } from "#metadata";
import type { Metadata } from "#metadata";
import { openVolumes } from "./openVolumes.ts";
import type { VolumeServices } from "./volumeService.ts";

const NONE = new Map<string, readonly string[]>();

interface World extends Disposable {
  readonly root: string;
  readonly metadata: Metadata;
  readonly events: string[];
  /** A daemon's start: with the containers that it knows. */
  open(holders?: ReadonlyMap<string, readonly string[]>): Promise<VolumeServices>;
}

function world(): World {
  const root = mkdtempSync(join(tmpdir(), "varve-volumes-"));
  const metadata = openMetadata(join(root, "varve.db"));
  const events: string[] = [];
  return {
    root,
    metadata,
    events,
    open: async (holders = NONE) => {
      const services = await openVolumes({
        dataRoot: root,
        records: metadata.volumes,
        events: ({ Action, Actor }) => void events.push(`${Action} ${Actor.ID}`),
        log: () => undefined,
      });
      await services.containers.reconcile(holders, new Set());
      return services;
    },
    [Symbol.dispose]: () => {
      metadata[Symbol.dispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

test("volume: create, inspect, list, remove", async () => {
  using place = world();
  const { catalog } = await place.open();
  const made = await catalog.create({ name: "data", labels: { a: "b" } });
  assert.deepEqual(made, {
    CreatedAt: made.CreatedAt,
    Driver: "local",
    Labels: { a: "b" },
    Mountpoint: join(place.root, "volumes/data/_data"),
    Name: "data",
    Options: null,
    Scope: "local",
  });
  assert.match(made.CreatedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(statSync(join(place.root, "volumes")).mode & 0o777, 0o701);
  assert.equal(statSync(made.Mountpoint).mode & 0o777, 0o755);
  assert.deepEqual(await catalog.create({ name: "data", labels: { other: "x" } }), made);
  assert.deepEqual(catalog.inspect("data"), made);
  assert.deepEqual(catalog.list(new Map()), { Volumes: [made], Warnings: null });
  await catalog.remove("data", { force: false });
  assert.equal(existsSync(join(place.root, "volumes/data")), false);
  assert.throws(() => catalog.inspect("data"), { category: "not_found", message: "get data: no such volume" });
  await catalog.remove("data", { force: true });
  assert.deepEqual(place.events, ["create data", "destroy data"]);
});

test("volume: without a name it is anonymous, another driver is not there", async () => {
  using place = world();
  const { catalog } = await place.open();
  const made = await catalog.create({});
  assert.match(made.Name, /^[0-9a-f]{64}$/);
  assert.deepEqual(made.Labels, { "com.docker.volume.anonymous": "" });
  await assert.rejects(catalog.create({ name: "data", driver: "nope" }), {
    category: "not_found",
    message: 'create data: error looking up volume plugin nope: plugin "nope" not found',
  });
});

test("volume: what a container holds cannot be removed; two that ask at once get one volume", async () => {
  using place = world();
  const { catalog, containers } = await place.open();
  const held = await Promise.all(["c1", "c2"].map((id) => containers.acquire(id, { name: "data" })));
  assert.deepEqual(held[0], held[1]);
  containers.settle("c1");
  await assert.rejects(catalog.remove("data", { force: true }), {
    category: "conflict",
    message: "remove data: volume is in use - [c1, c2]",
  });
  await containers.release("c1", ["data"]);
  assert.equal(catalog.list(new Map()).Volumes.length, 1);
  await containers.release("c2", ["data"]);
  assert.equal(catalog.list(new Map()).Volumes.length, 0);
});

test("volume: a creation that fails takes away what it made, and leaves what was there", async () => {
  using place = world();
  const { catalog, containers } = await place.open();
  await catalog.create({ name: "old" });
  await containers.acquire("c1", { name: "old" });
  await containers.acquire("c1", { name: "new" });
  await containers.acquire("c1", {});
  await containers.discard("c1");
  assert.deepEqual(
    catalog.list(new Map()).Volumes.map(({ Name }) => Name),
    ["old"],
  );
  await catalog.remove("old", { force: false });
});

test("volume: a crash during a container's creation leaves nothing of it", async () => {
  using place = world();
  const { containers } = await place.open();
  await containers.acquire("lost", { name: "new" });
  await containers.acquire("whole", { name: "kept" });
  const { catalog } = await place.open(new Map([["whole", ["kept"]]]));
  assert.deepEqual(
    catalog.list(new Map()).Volumes.map(({ Name }) => Name),
    ["kept"],
  );
  assert.equal(existsSync(join(place.root, "volumes/new")), false);
  await assert.rejects(catalog.remove("kept", { force: false }), { message: /in use - \[whole\]/ });
});

test("volume: a removal that was cut off is ended, a directory without record is emptiness or data", async () => {
  using place = world();
  const { catalog } = await place.open();
  await catalog.create({ name: "going" });
  const [row] = place.metadata.volumes.list();
  const document = JSON.stringify({ ...JSON.parse(row?.document ?? ""), going: true });
  place.metadata.volumes.put({ id: "going", document });
  mkdirSync(join(place.root, "volumes/empty/_data"), { recursive: true });
  mkdirSync(join(place.root, "volumes/found/_data"), { recursive: true });
  writeFileSync(join(place.root, "volumes/found/_data/file"), "x");
  const again = await place.open();
  assert.deepEqual(
    again.catalog.list(new Map()).Volumes.map(({ Name }) => Name),
    ["found"],
  );
  assert.deepEqual(
    ["going", "empty", "found/_data/file"].map((name) => existsSync(join(place.root, "volumes", name))),
    [false, false, true],
  );
});

test("volume: its first content is whole or none, and one writes it", async () => {
  using place = world();
  const { catalog, containers } = await place.open();
  const { Mountpoint } = await catalog.create({ name: "data" });
  await containers.acquire("c1", { name: "data" });
  const write = async (directory: string): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(join(directory, "file"), "whole");
  };
  const fail = async (directory: string): Promise<void> => {
    await write(directory);
    throw new Error("no space");
  };
  await assert.rejects(containers.fill("c1", "data", fail), { message: "no space" });
  assert.deepEqual(readdirSync(Mountpoint), []);
  const filled = await Promise.all(["c1", "c2"].map((id) => containers.fill(id, "data", write)));
  assert.deepEqual(filled, [true, false]);
  const [row] = place.metadata.volumes.list();
  const document = JSON.stringify({ ...JSON.parse(row?.document ?? ""), filling: true });
  place.metadata.volumes.put({ id: "data", document });
  await place.open();
  assert.deepEqual(readdirSync(Mountpoint), []);
});

test("volume: usage counts each inode once and follows no symlink", async () => {
  using place = world();
  const { catalog, containers } = await place.open();
  const { mountpoint } = await containers.acquire("c1", { name: "data" });
  mkdirSync(join(mountpoint, "sub"));
  writeFileSync(join(mountpoint, "sub/file"), Buffer.alloc(5000));
  linkSync(join(mountpoint, "sub/file"), join(mountpoint, "hard"));
  symlinkSync("/etc", join(mountpoint, "link"));
  const [row] = await catalog.diskUsage();
  assert.deepEqual(row?.UsageData, { RefCount: 1, Size: 5000 + "/etc".length });
});

test("volume: prune takes anonymous ones, all of them with all, none that is held", async () => {
  using place = world();
  const { catalog, containers } = await place.open();
  await catalog.create({ name: "named", labels: { a: "b" } });
  await containers.acquire("c1", {});
  const { Name, Mountpoint } = await catalog.create({});
  writeFileSync(join(Mountpoint, "file"), Buffer.alloc(77));
  assert.deepEqual(await catalog.prune(new Map(), { all: false }), { VolumesDeleted: [Name], SpaceReclaimed: 77 });
  assert.deepEqual(await catalog.prune(new Map(), { all: false }), { VolumesDeleted: null, SpaceReclaimed: 0 });
  const filters = new Map([["all", ["1"]]]);
  const kept = new Map([...filters, ["label!", ["a"]]]);
  assert.equal((await catalog.prune(kept, { all: false })).VolumesDeleted, null);
  assert.deepEqual((await catalog.prune(filters, { all: false })).VolumesDeleted, ["named"]);
});

test("volume: a file in its place is refused, not overwritten", async () => {
  using place = world();
  const { catalog } = await place.open();
  mkdirSync(join(place.root, "volumes"), { recursive: true });
  writeFileSync(join(place.root, "volumes/data"), "");
  await assert.rejects(catalog.create({ name: "data" }));
  assert.throws(
    () => catalog.inspect("data"),
    (error) => hasCode(error, "VOLUME_NOT_FOUND"),
  );
});
