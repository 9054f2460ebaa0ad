import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { SnapshotDirectories } from "./directories.ts";

function open(t: TestContext): SnapshotDirectories {
  const root = mkdtempSync(join(tmpdir(), "varve-directories-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return new SnapshotDirectories(root);
}

test("SnapshotDirectories: a snapshot has Docker's layout", (t) => {
  const directories = open(t);
  directories.create("base", []);
  directories.create("top", ["base"]);
  assert.deepEqual(readdirSync(join(directories.root, "base")).sort(), ["diff", "link", "merged", "work"]);
  assert.deepEqual(readdirSync(join(directories.root, "top")).sort(), ["diff", "link", "lower", "merged", "work"]);
  const link = readFileSync(directories.at("base", "link"), "utf8");
  assert.match(link, /^[A-Z2-7]{26}$/);
  assert.equal(readFileSync(directories.at("top", "lower"), "utf8"), `l/${link}`);
  assert.equal(readlinkSync(join(directories.root, "l", link)), "../base/diff");
  assert.deepEqual(directories.layerDirectory("base"), {
    path: directories.at("base", "diff"),
    short: `l/${link}`,
  });
  assert.deepEqual(directories.fixupDirectory("base"), { path: directories.at("base", "fixup"), short: "base/fixup" });
  assert.deepEqual([...directories.ids()].sort(), ["base", "top"]);
});

test("SnapshotDirectories: remove takes directory and short name, and may be repeated", async (t) => {
  const directories = open(t);
  directories.create("one", []);
  writeFileSync(join(directories.at("one", "diff"), "file"), "");
  await directories.remove("one");
  await directories.remove("one");
  assert.deepEqual(readdirSync(directories.root), ["l"]);
  assert.deepEqual(readdirSync(join(directories.root, "l")), []);
});

test("SnapshotDirectories: names that are no UTF-8 are removed too", async (t) => {
  const directories = open(t);
  directories.create("one", []);
  writeFileSync(Buffer.concat([Buffer.from(`${directories.at("one", "diff")}/`), Buffer.from([0xff])]), "");
  await directories.remove("one");
  assert.equal(existsSync(join(directories.root, "one")), false);
});

test("SnapshotDirectories: an empty or missing link file means not whole, and create completes it", (t) => {
  const directories = open(t);
  assert.equal(directories.exists("one"), false);
  directories.create("one", []);
  assert.equal(directories.exists("one"), true);
  const later = new SnapshotDirectories(directories.root);
  writeFileSync(later.at("one", "link"), "");
  assert.equal(later.exists("one"), false);
  later.create("one", []);
  assert.equal(later.exists("one"), true);
});

test("SnapshotDirectories: short names of unknown snapshots are swept", async (t) => {
  const directories = open(t);
  directories.create("one", []);
  symlinkSync("../gone/diff", join(directories.root, "l", "X".repeat(26)));
  await directories.sweepLinks(new Set(["one"]));
  assert.deepEqual(readdirSync(join(directories.root, "l")), [readFileSync(directories.at("one", "link"), "utf8")]);
});

test("SnapshotDirectories: ids are 64 hex digits, each another", () => {
  const ids = new Set(Array.from({ length: 50 }, () => SnapshotDirectories.newId()));
  assert.equal(ids.size, 50);
  for (const id of ids) assert.match(id, /^[0-9a-f]{64}$/);
});
