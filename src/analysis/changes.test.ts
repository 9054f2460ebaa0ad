import assert from "node:assert/strict";
import { test } from "node:test";
import { Change, changeNames, changesBetween, MODIFYING } from "#analysis";
import type { LayerEntry } from "#analysis";
import { directory, entry, file, hardLink, symlink } from "./analysis.testkit.test.ts";

const named = (lower: LayerEntry, upper: LayerEntry): string => changeNames(changesBetween(lower, upper)).join(" ");

test("changes: equal entries differ in nothing", () => {
  const entries = [
    directory("d"),
    file("empty", 0),
    symlink("s", "t"),
    hardLink("h", "a"),
    entry("p", "fifo"),
    entry("c", "char", { device: { major: 1, minor: 3 } }),
    file("x", 0, { xattrs: { "user.a": Buffer.from("1") } }),
  ];
  for (const item of entries) assert.equal(changesBetween(item, structuredClone(item)), 0, item.path);
});

test("changes: content by size, and undecided when sizes are equal", () => {
  assert.equal(named(file("a", 1), file("a", 2)), "content");
  assert.equal(named(file("a", 2), file("a", 2)), "undecided");
  assert.equal(named(hardLink("a", "x"), hardLink("a", "y")), "undecided");
  assert.equal(named(file("a", 0), hardLink("a", "y")), "undecided");
});

test("changes: attributes, each by its own bit, the weightiest first", () => {
  assert.equal(named(file("a", 0), file("a", 0, { mode: 0o4755 })), "mode");
  assert.equal(named(file("a", 0), file("a", 0, { uid: 1 })), "owner");
  assert.equal(named(file("a", 0), file("a", 0, { gid: 1 })), "owner");
  assert.equal(named(symlink("a", "x"), symlink("a", "y", { mode: 0o700 })), "target");
  assert.equal(named(file("a", 0), directory("a")), "type mode");
  assert.equal(named(directory("a"), symlink("a", "b")), "type");
  const device = (minor: number): LayerEntry => entry("c", "block", { device: { major: 8, minor } });
  assert.equal(named(device(1), device(2)), "device");
  assert.equal(
    named(file("a", 1), file("a", 2, { mode: 0, uid: 5, mtimeSeconds: 1, xattrs: { "user.a": Buffer.from("") } })),
    "content mode owner xattrs mtime",
  );
});

test("changes: xattrs by names and bytes", () => {
  const having = (xattrs: Readonly<Record<string, string>>): LayerEntry =>
    file("a", 0, {
      xattrs: Object.fromEntries(Object.entries(xattrs).map(([name, value]) => [name, Buffer.from(value)])),
    });
  assert.equal(named(having({ a: "1", b: "2" }), having({ b: "2", a: "1" })), "");
  assert.equal(named(having({ a: "1" }), having({ a: "2" })), "xattrs");
  assert.equal(named(having({ a: "1" }), having({ b: "1" })), "xattrs");
  assert.equal(named(having({ a: "1" }), having({ a: "1", b: "1" })), "xattrs");
  assert.equal(named(file("a", 0), having({})), "");
});

test("changes: a time alone modifies nothing", () => {
  const bits = changesBetween(file("a", 0), file("a", 0, { mtimeSeconds: 1 }));
  assert.equal(bits, Change.mtime);
  assert.equal(bits & MODIFYING, 0);
  assert.deepEqual(changeNames(0), []);
});
