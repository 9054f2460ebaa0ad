import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { SnapshotDirectories } from "./directories.ts";
import { PreparedMarks } from "./preparedMarks.ts";

function open(t: TestContext): { directories: SnapshotDirectories; marks: (driver: string) => Promise<PreparedMarks> } {
  const root = mkdtempSync(join(tmpdir(), "varve-marks-"));
  const directories = new SnapshotDirectories(root);
  directories.create("one", []);
  const opened: PreparedMarks[] = [];
  t.after(() => {
    for (const marks of opened) marks[Symbol.dispose]();
    rmSync(root, { recursive: true, force: true });
  });
  const marks = async (driver: string): Promise<PreparedMarks> => {
    const made = await PreparedMarks.open(directories, driver);
    opened.push(made);
    return made;
  };
  return { directories, marks };
}

test("PreparedMarks: a mark is found by the same driver alone", async (t) => {
  const { marks } = open(t);
  const first = await marks("erofs");
  assert.equal(first.has("one"), false);
  first.put("one", false);
  assert.equal(first.has("one"), true);
  assert.equal((await marks("erofs")).has("one"), true);
  assert.equal((await marks("overlay2")).has("one"), false);
});

test("PreparedMarks: unflushed work counts in its own boot, flushed work in every boot", async (t) => {
  const { directories, marks } = open(t);
  const first = await marks("overlay2");
  first.put("one", true);
  assert.equal((await marks("overlay2")).has("one"), true);
  const mark = readFileSync(directories.at("one", "committed"), "utf8");
  writeFileSync(directories.at("one", "committed"), mark.replace(/ .*/, " another-boot"));
  assert.equal((await marks("overlay2")).has("one"), false);
  await first.settle();
  assert.equal(readFileSync(directories.at("one", "committed"), "utf8"), "overlay2");
  assert.equal((await marks("overlay2")).has("one"), true);
});

test("PreparedMarks: what was forgotten is not marked by a flush", async (t) => {
  const { directories, marks } = open(t);
  const first = await marks("overlay2");
  first.put("one", true);
  first.forget("one");
  rmSync(directories.at("one", "committed"));
  await first.settle();
  assert.equal(first.has("one"), false);
});

test("PreparedMarks: an empty mark, as a power cut may leave, is none", async (t) => {
  const { directories, marks } = open(t);
  writeFileSync(directories.at("one", "committed"), "");
  assert.equal((await marks("erofs")).has("one"), false);
});
