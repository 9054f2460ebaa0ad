import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { loadConfigFile } from "#client";
import { BuilderStore } from "./builderStore.ts";
import type { BuilderRecord } from "./builderStore.ts";
import { withNode, withoutNode } from "./nodes.ts";
import type { NodeWish } from "./nodes.ts";

const EMPTY: BuilderRecord = { Name: "b", Driver: "remote", Nodes: [], Dynamic: false };
const WISH: NodeWish = {
  name: "",
  endpoint: "unix:///a",
  isEndpointGiven: true,
  append: false,
  platforms: [],
  driverOptions: [],
  flags: undefined,
  files: undefined,
};

describe("builder store", () => {
  let folder: string;
  let store: BuilderStore;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "varve-builder-store-"));
    store = new BuilderStore(loadConfigFile(folder), {});
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("what is saved is found, whatever case its name is asked in; nothing else is left in the folder", () => {
    const { builder } = withNode({ ...EMPTY, Name: "Mine" }, WISH);
    store.save(builder);
    assert.deepEqual(store.find("MINE"), builder);
    assert.deepEqual(readdirSync(join(folder, "buildx/instances")), ["mine"]);
    assert.match(store.lastActivity("mine") ?? "", /^\d{4}-\d\d-\d\dT[\d:]{8}Z$/);
    store.remove("mine");
    assert.deepEqual([store.find("mine"), store.lastActivity("mine"), store.list()], [undefined, undefined, []]);
  });

  test("current: of its endpoint; everywhere when global; the endpoint's default when nothing was chosen there", () => {
    for (const Name of ["one", "two"]) store.save({ ...EMPTY, Name });
    const nameAt = (endpoint: string): string | undefined => store.current(endpoint)?.Name;
    store.use("here", "one", { global: false, default: true });
    assert.deepEqual([nameAt("here"), nameAt("there")], ["one", undefined]);
    store.use("there", "two", { global: false, default: false });
    assert.deepEqual([nameAt("here"), nameAt("there")], ["one", "two"]);
    store.use("there", "two", { global: true, default: false });
    assert.deepEqual([nameAt("here"), nameAt("there")], ["two", "two"]);
    store.remove("two");
    assert.equal(nameAt("there"), undefined);
    store.use("here", "", { global: false, default: false });
    assert.equal(nameAt("here"), undefined);
  });

  test("BUILDX_CONFIG is another folder; a name that leaves it is none", () => {
    const other = new BuilderStore(loadConfigFile(folder), { BUILDX_CONFIG: join(folder, "other") });
    other.save({ ...EMPTY, Name: "x" });
    assert.equal(existsSync(join(folder, "other/instances/x")), true);
    writeFileSync(join(folder, "other/secret"), "{}");
    for (const name of ["../secret", "/etc/passwd", "", "1x", "a/b"])
      assert.throws(() => other.find(name), { message: /^invalid name / });
    assert.equal(readFileSync(join(folder, "other/secret"), "utf8"), "{}");
  });
});

test("nodes: appended, changed, left; a platform is one node's only", () => {
  const one = withNode(EMPTY, { ...WISH, platforms: ["linux/amd64,linux/arm64", "linux/arm64/v8"] }).builder;
  assert.deepEqual(one.Nodes[0]?.Platforms, [
    { architecture: "amd64", os: "linux" },
    { architecture: "arm64", os: "linux" },
  ]);
  assert.throws(() => withNode(one, { ...WISH, name: "n" }), { message: "node n not found, did you mean to append?" });
  assert.throws(() => withNode(one, { ...WISH, append: true }), { message: "invalid duplicate endpoint unix:///a" });
  const far = { ...WISH, append: true, endpoint: "unix:///b", platforms: ["arm64"], driverOptions: ["a=b,c=d=e"] };
  const two = withNode(one, far).builder;
  assert.deepEqual(
    two.Nodes.map(({ Name, Platforms, DriverOpts }) => [
      Name,
      Platforms?.map(({ architecture }) => architecture),
      DriverOpts,
    ]),
    [
      ["b0", ["amd64"], null],
      ["b1", ["arm64"], { a: "b", c: "d=e" }],
    ],
  );
  const changed = withNode(two, { ...WISH, name: "b1", endpoint: "unix:///c" });
  assert.equal(changed.isRestartNeeded, true);
  assert.equal(changed.builder.Nodes[1]?.Endpoint, "unix:///c");
  assert.deepEqual(withoutNode(changed.builder, "b1").Nodes, [two.Nodes[0]]);
  assert.throws(() => withoutNode(one, "b0"), /can not leave last node/);
});
