import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { statEntry } from "./directoryEntries.ts";
import { EntryReader, statEntries } from "./entryBatch.ts";
import { makeNode } from "./specialFiles.ts";
import { isErrno } from "./syscallError.ts";
import { setXattr } from "./xattrs.ts";

function open(t: TestContext): { readonly folder: string; readonly fd: number } {
  const folder = mkdtempSync(join(tmpdir(), "varve-batch-"));
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  t.after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return { folder, fd };
}

const sha256 = (text: string): string => createHash("sha256").update(text, "latin1").digest("hex");

test("statEntries: many names of all kinds, as one by one", (t) => {
  const { folder, fd } = open(t);
  const names = Array.from({ length: 600 }, (_, index) => `f${index}`);
  names.forEach((name, index) => writeFileSync(join(folder, name), "x".repeat(index), { mode: 0o600 + (index % 8) }));
  const odd = Buffer.from([0x61, 0xff, 0xe9]);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), odd]), "");
  mkdirSync(join(folder, "directory"));
  symlinkSync("f1", join(folder, "link"));
  const all = ["missing", ...names, odd.toString("latin1"), "n".repeat(255), "directory", "link"];
  writeFileSync(join(folder, "n".repeat(255)), "");
  assert.deepEqual(
    statEntries(fd, all),
    all.map((name) => statEntry(fd, name)),
  );
  assert.deepEqual(statEntries(fd, []), []);
  assert.throws(
    () => statEntries(fd, ["f1", "f1/below"]),
    (error) => isErrno(error, "ENOTDIR"),
  );
  assert.throws(
    () => statEntries(fd, ["n".repeat(256)]),
    (error) => isErrno(error, "ENAMETOOLONG"),
  );
});

test("EntryReader: bytes, digests and what was opened, again and again", async (t) => {
  const { folder, fd } = open(t);
  const names = Array.from({ length: EntryReader.capacity }, (_, index) => `f${index}`);
  const textOf = (name: string, round: number): string => `${name} ${round} `.repeat(round + name.length);
  const reader = new EntryReader();
  for (const round of [0, 1]) {
    for (const name of names) writeFileSync(join(folder, name), textOf(name, round));
    const files = names.map((name) => ({ directory: fd, name, size: textOf(name, round).length }));
    const target = Buffer.alloc(files.reduce((sum, { size }) => sum + size, 0));
    const read = await reader.read(files, target);
    assert.equal(target.toString(), names.map((name) => textOf(name, round)).join(""));
    assert.deepEqual(
      read.map((one) => one?.digest),
      names.map((name) => sha256(textOf(name, round))),
    );
    assert.deepEqual(
      read.map((one) => one?.stat),
      names.map((name) => statEntry(fd, name)),
    );
    assert.ok(read.every((one) => one?.hasXattrs === false));
  }
});

test("EntryReader: nothing is said of what is missing, too short, a link or no file", async (t) => {
  const { folder, fd } = open(t);
  writeFileSync(join(folder, "short"), "12345");
  writeFileSync(join(folder, "empty"), "");
  writeFileSync(join(folder, "with"), "attribute");
  symlinkSync("short", join(folder, "link"));
  makeNode(join(folder, "fifo"), { mode: constants.S_IFIFO | 0o600, major: 0, minor: 0 });
  setXattr(join(folder, "with"), "user.kept", Buffer.from("1"));
  const reader = new EntryReader();
  const wanted = ["short", "missing", "link", "fifo", "empty", "with"] as const;
  const sizes = [6, 3, 5, 1, 0, 9];
  const files = wanted.map((name, index) => ({ directory: fd, name, size: sizes[index] ?? 0 }));
  const [short, missing, link, fifo, empty, attribute] = await reader.read(files, Buffer.alloc(24));
  assert.deepEqual([short, missing, link, fifo], [undefined, undefined, undefined, undefined]);
  assert.equal(empty?.digest, sha256(""));
  assert.deepEqual([attribute?.digest, attribute?.hasXattrs], [sha256("attribute"), true]);
});
