import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { openEntry, statEntry } from "./directoryEntries.ts";
import { makeNode, setTimes } from "./specialFiles.ts";
import { isErrno } from "./syscallError.ts";

const HIGH = 2n ** 32n;
const BILLION = 1_000_000_000n;

function open(t: TestContext): { readonly folder: string; readonly fd: number } {
  const folder = mkdtempSync(join(tmpdir(), "varve-entries-"));
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  t.after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return { folder, fd };
}

test("statEntry: says what lstat says, of every type, name and time", (t) => {
  const { folder, fd } = open(t);
  const odd = Buffer.from([0x61, 0xff, 0xe9]);
  const names: string[] = ["file", "large", "link", "hard", odd.toString("latin1"), ""];
  const at = (name: string): Buffer => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, "latin1")]);
  writeFileSync(at("file"), "x", { mode: 0o640 });
  linkSync(at("file"), at("hard"));
  writeFileSync(at("large"), "");
  truncateSync(at("large"), 5 * 2 ** 32 + 7);
  symlinkSync("nowhere", at("link"));
  writeFileSync(at(odd.toString("latin1")), "y");
  setTimes(at("file"), { modified: -5_000_000_001n });
  setTimes(at("large"), { modified: 5_000_000_000n * BILLION + 9n });
  if (process.getuid?.() === 0) {
    makeNode(at("device"), { mode: constants.S_IFCHR | 0o600, major: 300, minor: 70_000 });
    names.push("device");
  }
  for (const name of names) {
    const entry = statEntry(fd, name);
    const facts = lstatSync(at(name), { bigint: true });
    assert.ok(entry);
    assert.deepEqual([entry.mode, entry.nlink, entry.uid, entry.gid, entry.size].map(BigInt), [
      facts.mode,
      facts.nlink,
      facts.uid,
      facts.gid,
      facts.size,
    ]);
    assert.equal(BigInt(entry.inodeHigh) * HIGH + BigInt(entry.inodeLow), facts.ino);
    assert.equal(BigInt(entry.modifiedSeconds) * BILLION + BigInt(entry.modifiedNanoseconds), facts.mtimeNs);
    assert.equal(BigInt(entry.changedSeconds) * BILLION + BigInt(entry.changedNanoseconds), facts.ctimeNs);
    if (name === "device") assert.deepEqual([entry.deviceMajor, entry.deviceMinor], [300, 70_000]);
  }
  assert.equal(statEntry(fd, "none"), undefined);
  assert.throws(() => statEntry(fd, "x".repeat(5000)), /name too long/);
});

test("openEntry: opens files, follows no symlink, waits for no fifo", (t) => {
  const { folder, fd } = open(t);
  writeFileSync(join(folder, "file"), "text");
  symlinkSync("file", join(folder, "link"));
  makeNode(join(folder, "fifo"), { mode: constants.S_IFIFO | 0o600 });
  const file = openEntry(fd, "file");
  assert.equal(readFileSync(file, "utf8"), "text");
  closeSync(file);
  closeSync(openEntry(fd, "fifo"));
  assert.throws(
    () => openEntry(fd, "link"),
    (error) => isErrno(error, "ELOOP"),
  );
  assert.throws(
    () => openEntry(fd, "none"),
    (error) => isErrno(error, "ENOENT"),
  );
});
