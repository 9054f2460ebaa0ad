import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { hasCode, isInvalidArgument } from "#errors";
import type { ProgressMessage } from "#engineapi";
import { takeLease } from "#metadata";
import { digestOf, parseReference } from "#oci";
import type { ContainerDefaults, Digest, DiffId, HistoryEntry } from "#oci";
import { createImageBuilding } from "../createImageBuilding.ts";
import type { ImageReshaping } from "../imageReshaping.ts";
import { lookup } from "../lookup.ts";
import { openTestRooms } from "../testRooms.ts";
import type { TestRooms } from "../testRooms.ts";
import { createImageReshaping } from "./reshapeImage.ts";
import { addLayer, factsOf, tarOf } from "./reshape.testkit.test.ts";
import type { Member } from "./reshape.testkit.test.ts";

/** Owned by whoever runs the tests, so that unpacking needs no rights. */
const OWNER = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const file = (path: string, data: string): Member => ({ path, type: "file", data, ...OWNER });
const removed = (path: string): Member => file(path.replace(/([^/]+)$/, ".wh.$1"), "");
const directory = (path: string, mode = 0o755): Member => ({ path, type: "directory", mode, ...OWNER });

interface Made {
  readonly layers: readonly (readonly Member[])[];
  readonly on?: Digest;
  readonly config?: ContainerDefaults;
  readonly history?: readonly HistoryEntry[];
  readonly more?: object;
}

interface Rooms extends TestRooms {
  readonly reshape: ImageReshaping;
  readonly progress: ProgressMessage[];
  /** Records an image of these layers, upon another's. */
  readonly make: (name: string, made: Made) => Promise<Digest>;
  readonly facts: (name: string) => Promise<readonly string[]>;
  readonly historyOf: (name: string) => Promise<readonly string[]>;
}

async function open(t: TestContext): Promise<Rooms> {
  const rooms = await openTestRooms(t);
  const { context } = rooms;
  const building = createImageBuilding(context);
  return {
    ...rooms,
    progress: [],
    reshape: createImageReshaping(context, (image, lease) => building.recordBuilt(image, lease)),
    make: async (name, { layers, on, config = {}, history, more = {} }) => {
      using lease = takeLease(context.metadata, "test");
      const base = on === undefined ? undefined : await lookup(context, on);
      const diffIds: DiffId[] = [...(base?.diffIds ?? [])];
      for (const members of layers) diffIds.push(await addLayer(context.layers, tarOf(members)));
      const steps = history ?? layers.map((_, index) => ({ created_by: `${name} ${index}` }));
      const document = {
        architecture: "amd64",
        os: "linux",
        config,
        history: [...(base?.config.history ?? []), ...steps],
        rootfs: { type: "layers", diff_ids: diffIds },
        ...more,
      };
      const raw = Buffer.from(JSON.stringify(document));
      const names = [parseReference(name)];
      return await building.recordBuilt({ config: raw, diffIds, names, manifest: undefined, target: undefined }, lease);
    },
    facts: async (name) => {
      await using view = await context.layers.openView((await lookup(context, name)).diffIds);
      return await factsOf(view);
    },
    historyOf: async (name) =>
      ((await lookup(context, name)).config.history ?? []).map(
        ({ created_by: by = "", empty_layer: isEmpty }) => `${by}${isEmpty === true ? " (empty)" : ""}`,
      ),
  };
}

const quiet = { progress: (): void => undefined };

test("squash: layers above the base become one, the name moves, the history stays true", async (t) => {
  const { make, reshape, facts, historyOf, context, events } = await open(t);
  const base = await make("base:1", {
    layers: [[file("etc/a", "1"), file("b", "1")]],
    history: [{ created_by: "ADD" }, { created_by: "CMD", empty_layer: true }],
  });
  const before = await make("app:1", {
    on: base,
    layers: [
      [file("etc/a", "2"), file("cache", "x")],
      [removed("cache"), removed("b")],
    ],
    config: { Env: ["A=1"], Cmd: ["sh"] },
    more: { author: "someone", parent: "sha256:old", unknown: 7 },
  });
  const expected = await facts("app:1");
  events.length = 0;
  const result = await reshape.squash("app:1", quiet);
  assert.deepEqual([result.was, result.layersBefore, result.layersAfter], [before, 3, 2]);
  const after = await lookup(context, "app:1");
  assert.equal(after.imageId, result.imageId);
  assert.deepEqual(await facts("app:1"), expected);
  assert.equal(after.diffIds[0], (await lookup(context, "base:1")).diffIds[0]);
  assert.deepEqual(await historyOf("app:1"), [
    "ADD",
    "CMD (empty)",
    "app:1 0 (empty)",
    "app:1 1 (empty)",
    "varve image squash",
  ]);
  const { config } = after;
  assert.deepEqual(config.config, { Env: ["A=1"], Cmd: ["sh"] });
  assert.deepEqual([config.author, config.parent, Reflect.get(config, "unknown")], ["someone", undefined, 7]);
  assert.deepEqual((await lookup(context, before)).imageId, before);
  assert.deepEqual(
    events.map(({ Action, Actor }) => [Action, Actor.Attributes?.["name"]]),
    [["tag", "app:1"]],
  );
});

test("squash: from a step of the history, under another name; the old name stays", async (t) => {
  const { make, reshape, facts, historyOf, context } = await open(t);
  const id = await make("app:1", { layers: [[file("a", "1")], [file("b", "1")], [removed("b"), file("c", "1")]] });
  const expected = await facts("app:1");
  const result = await reshape.squash("app:1", { ...quiet, fromStep: 2, tag: parseReference("small") });
  assert.equal((await lookup(context, "app:1")).imageId, id);
  assert.equal((await lookup(context, "small:latest")).imageId, result.imageId);
  assert.equal(result.layersAfter, 2);
  assert.deepEqual(await facts("small"), expected);
  assert.deepEqual(await historyOf("small"), [
    "app:1 0",
    "app:1 1 (empty)",
    "app:1 2 (empty)",
    "varve image squash --from 2",
  ]);
  for (const fromStep of [0, 4, 1.5]) {
    await assert.rejects(reshape.squash("app:1", { ...quiet, fromStep }), isInvalidArgument);
  }
});

test("squash: layers that undo each other leave none; one layer is nothing to do", async (t) => {
  const { make, reshape, facts, historyOf } = await open(t);
  await make("app:1", { layers: [[file("a", "1")], [file("b", "1")], [removed("b")]] });
  const expected = await facts("app:1");
  const result = await reshape.squash("app:1", { ...quiet, fromStep: 2 });
  assert.equal(result.layersAfter, 1);
  assert.deepEqual(await facts("app:1"), expected);
  assert.deepEqual(await historyOf("app:1"), [
    "app:1 0",
    "app:1 1 (empty)",
    "app:1 2 (empty)",
    "varve image squash --from 2 (empty)",
  ]);
  const again = await reshape.squash("app:1", { ...quiet, fromStep: 1 });
  assert.equal(again.imageId, result.imageId);
  const named = await reshape.flatten("app:1", { ...quiet, tag: parseReference("other:2") });
  assert.equal(named.imageId, result.imageId);
  assert.deepEqual(await facts("other:2"), expected);
});

test("flatten: one layer without whiteouts; by ID the new image gets no name", async (t) => {
  const { make, reshape, facts, historyOf, context } = await open(t);
  const id = await make("app:1", {
    layers: [
      [file("a", "1"), file("d/x", "1")],
      [removed("a"), directory("d", 0o711)],
    ],
  });
  const expected = await facts("app:1");
  const result = await reshape.flatten(id, quiet);
  assert.equal(result.reference, undefined);
  assert.equal((await lookup(context, "app:1")).imageId, id);
  assert.deepEqual(await facts(result.imageId), expected);
  assert.deepEqual(await historyOf(result.imageId), ["app:1 0 (empty)", "app:1 1 (empty)", "varve image flatten"]);
  const info = context.layers.get((await lookup(context, result.imageId)).diffIds[0] ?? assert.fail());
  assert.deepEqual(info?.whiteoutDirectories, []);
});

test("rebase: the upper layers come upon the new base, with its configuration where the image had the old one's", async (t) => {
  const { make, reshape, facts, historyOf, context } = await open(t);
  const old = await make("base:1", {
    layers: [[file("lib/a", "old"), file("lib/b", "same"), directory("etc")]],
    history: [{ created_by: "ADD" }, { created_by: "CMD", empty_layer: true }],
    config: { Env: ["PATH=/bin", "V=1", "GONE=1"], Cmd: ["sh"], Labels: { v: "1" }, User: "1" },
  });
  const next = await make("base:2", {
    layers: [[file("lib/a", "new"), file("lib/b", "same"), file("lib/c", "added"), directory("etc")]],
    config: { Env: ["PATH=/bin", "V=2", "NEW=1"], Cmd: ["bash"], Labels: { v: "2", w: "1" }, User: "2" },
  });
  await make("app:1", {
    on: old,
    layers: [
      [file("lib/b", "changed"), file("app", "x")],
      [directory("etc"), file("etc/app", "conf")],
    ],
    config: { Env: ["PATH=/bin:/app", "V=1", "GONE=1", "OWN=1"], Cmd: ["sh"], Labels: { v: "1", own: "1" }, User: "3" },
  });
  const result = await reshape.rebase("app:1", { ...quiet, onto: "base:2", force: false });
  const image = await lookup(context, "app:1");
  assert.equal(image.imageId, result.imageId);
  assert.deepEqual(
    (await facts("app:1")).map((line) => line.split(" ")[0]),
    ["/", "/app", "/etc", "/etc/app", "/lib", "/lib/a", "/lib/b", "/lib/c"],
  );
  assert.deepEqual(image.diffIds[0], (await lookup(context, next)).diffIds[0]);
  assert.deepEqual(image.config.config, {
    Env: ["PATH=/bin:/app", "V=2", "NEW=1", "OWN=1"],
    Cmd: ["bash"],
    Labels: { v: "2", w: "1", own: "1" },
    User: "3",
  });
  assert.deepEqual(await historyOf("app:1"), [
    "base:2 0",
    "app:1 0",
    "app:1 1",
    "varve image rebase --onto base:2 (empty)",
  ]);
});

const CASES: readonly (readonly [what: string, upper: readonly Member[], expected: readonly string[]])[] = [
  ["a file that both changed", [file("changed", "mine")], ["changed"]],
  ["a file that both changed to the same", [file("changed", "new")], []],
  ["a file that the base did not change", [file("kept", "mine")], []],
  ["a file that the base removed", [file("gone", "mine")], ["gone"]],
  ["a file that both added", [file("added", "mine")], ["added"]],
  ["a removal of what the base changed", [removed("changed")], ["changed"]],
  ["a removal of what the base removed too", [removed("gone")], []],
  ["a removal of a directory in which the base changed something", [removed("d")], ["d/changed"]],
  ["an opaque directory in which the base changed something", [file("d/.wh..wh..opq", "")], ["d/changed"]],
  ["a file in the place of such a directory", [file("d", "file")], ["d/changed"]],
  ["a directory that is there for its files only", [file("d/mine", "x"), file("mode/mine", "x")], []],
  ["attributes of a directory that the base changed", [directory("mode", 0o755)], ["mode"]],
  ["a directory that the base made a link", [file("merged/mine", "x")], ["merged"]],
  ["a hard link to a file that the base changed", [{ path: "link", type: "hardlink", linkPath: "changed" }], []],
  ["a temporary file that the new base has", [removed("added")], ["added"]],
];

test("rebase: refused for the paths that the base changed, and only for these", async (t) => {
  const { make, reshape, context } = await open(t);
  const old = await make("base:1", {
    layers: [
      [
        file("changed", "old"),
        file("kept", "old"),
        file("gone", "old"),
        file("d/changed", "old"),
        file("d/kept", "old"),
        directory("mode", 0o755),
        file("merged/x", "old"),
      ],
    ],
  });
  await make("base:2", {
    layers: [
      [
        file("changed", "new"),
        { ...file("kept", "old"), mtimeSeconds: 9 },
        file("added", "new"),
        file("d/changed", "new"),
        file("d/kept", "old"),
        directory("mode", 0o700),
        { path: "merged", type: "symlink", linkPath: "d", ...OWNER },
      ],
    ],
  });
  for (const [what, upper, expected] of CASES) {
    await make("app:1", { on: old, layers: [upper] });
    const act = reshape.rebase("app:1", { ...quiet, onto: "base:2", from: "base:1", force: false });
    const paths = await act.then(
      () => [],
      (error: unknown) => {
        assert.ok(hasCode(error, "REBASE_CONFLICT"), String(error));
        for (const path of expected) assert.ok(String(error).includes(path));
        return Reflect.get(Object(Reflect.get(Object(error), "details")), "paths") as readonly string[];
      },
    );
    assert.deepEqual(paths, expected, what);
    await make("app:1", { on: old, layers: [upper] });
    const forced = await reshape.rebase("app:1", { ...quiet, onto: "base:2", force: true });
    assert.equal((await lookup(context, forced.imageId)).diffIds.length, 2);
  }
});

test("rebase: refused when a hard link leads to a file that the new base has no more, forced or not", async (t) => {
  const { make, reshape } = await open(t);
  const old = await make("base:1", { layers: [[file("gone", "old")]] });
  await make("base:2", { layers: [[file("other", "new")]] });
  await make("app:1", { on: old, layers: [[{ path: "link", type: "hardlink", linkPath: "gone" }]] });
  const act = (force: boolean): Promise<unknown> => reshape.rebase("app:1", { ...quiet, onto: "base:2", force });
  await assert.rejects(act(false), /touch a path that the base changed: gone/);
  await assert.rejects(act(true), /hard link link to gone, which no lower layer has/);
});

test("rebase: refused when the base is unknown or another's, and across platforms", async (t) => {
  const { make, reshape } = await open(t);
  await make("app:1", { layers: [[file("a", "1")], [file("b", "1")]] });
  await make("base:2", { layers: [[file("c", "1")]] });
  await make("arm:1", { layers: [[file("c", "2")]], more: { architecture: "arm64" } });
  const act = (options: { onto: string; from?: string }): Promise<unknown> =>
    reshape.rebase("app:1", { ...quiet, force: false, ...options });
  await assert.rejects(act({ onto: "base:2" }), /no image here is the base of app:1: name it with --from/);
  await assert.rejects(act({ onto: "base:2", from: "base:2" }), /base:2 is not the base of app:1/);
  await assert.rejects(act({ onto: "none:1" }), /no image here is the base|No such image/);
  await assert.rejects(
    act({ onto: "arm:1", from: "app:1" }),
    /the new base is for linux\/arm64, the image for linux\/amd64/,
  );
});

test("reshape: an act that is aborted or fails leaves no image and no lease", async (t) => {
  const { make, reshape, context } = await open(t);
  const id = await make("app:1", { layers: [[file("a", "1".repeat(300_000))], [file("b", "1")]] });
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await assert.rejects(reshape.flatten("app:1", { ...quiet, signal: controller.signal }));
  assert.deepEqual(
    context.metadata.images.listContent().map(({ imageId }) => imageId),
    [id],
  );
  assert.equal(context.metadata.leases.list().length, 0);
  assert.equal(digestOf((await lookup(context, "app:1")).rawConfig), id);
});
