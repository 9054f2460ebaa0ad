import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isAlreadyExists, isInvalidArgument, isNotFound } from "#errors";
import { lockFile } from "./fileLock.ts";
import { statFilesystem, syncFilesystem } from "./filesystems.ts";
import { openInRoot, renameNoReplace } from "./pathLookup.ts";
import { dataSegments, punchHole } from "./sparseFiles.ts";
import { makeNode, setTimes } from "./specialFiles.ts";
import { getXattrs, removeXattr, setXattr } from "./xattrs.ts";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "varve-host-"));
});
after(() => rmSync(folder, { recursive: true }));

const file = (name: string, content = ""): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

test("lockFile: is held once, and free again after its end", async () => {
  const path = join(folder, "lock");
  {
    await using lock = await lockFile(path);
    assert.equal(lock?.path, path);
    assert.equal(await lockFile(path), undefined);
  }
  await using again = await lockFile(path);
  assert.ok(again);
});

test("lockFile: not_found in a folder that is not there", async () => {
  await assert.rejects(lockFile(join(folder, "no/lock")), isNotFound);
});

test("xattrs: set, read, replaced and removed on the link itself", () => {
  const path = file("attributes");
  setXattr(path, "user.one", Buffer.from([0, 255]));
  setXattr(path, "user.two", Buffer.from("a"));
  setXattr(path, "user.two", Buffer.alloc(0));
  const mine = [...getXattrs(path)].filter(([name]) => name.startsWith("user."));
  assert.deepEqual(
    new Map(mine),
    new Map([
      ["user.one", Buffer.from([0, 255])],
      ["user.two", Buffer.alloc(0)],
    ]),
  );
  assert.equal(removeXattr(path, "user.one"), true);
  assert.equal(removeXattr(path, "user.one"), false);
  symlinkSync(path, join(folder, "link"));
  assert.ok(!getXattrs(join(folder, "link")).has("user.two"));
});

test("xattrs: not_found for a path that is not there", () => {
  assert.throws(() => getXattrs(join(folder, "nothing")), isNotFound);
  assert.throws(() => setXattr(join(folder, "nothing"), "user.a", Buffer.alloc(1)), isNotFound);
});

test("setTimes: nanoseconds, before 1970, of a symlink, and one of two", () => {
  const path = file("times");
  setTimes(path, { accessed: 1n, modified: 1_700_000_000_123_456_789n });
  assert.equal(statSync(path, { bigint: true }).mtimeNs, 1_700_000_000_123_456_789n);
  setTimes(path, { modified: -1n });
  const { atimeNs, mtimeNs } = statSync(path, { bigint: true });
  assert.deepEqual([atimeNs, mtimeNs], [1n, -1n]);
  symlinkSync("nowhere", join(folder, "dangling"));
  setTimes(join(folder, "dangling"), { modified: 5n });
  assert.equal(lstatSync(join(folder, "dangling"), { bigint: true }).mtimeNs, 5n);
});

test("paths: names that are not UTF-8 reach the kernel, a NUL does not", () => {
  const name = Buffer.concat([Buffer.from(join(folder, "raw-")), Buffer.from([0xff, 0xfe])]);
  writeFileSync(name, "");
  setTimes(name, { modified: 7n });
  assert.equal(statSync(name, { bigint: true }).mtimeNs, 7n);
  assert.throws(() => setTimes(join(folder, "times\0x"), { modified: 0n }), isInvalidArgument);
});

test("makeNode: makes a fifo, refuses one that is there", () => {
  const path = join(folder, "fifo");
  makeNode(path, { mode: constants.S_IFIFO | 0o600 });
  assert.ok(lstatSync(path).isFIFO());
  assert.throws(() => makeNode(path, { mode: constants.S_IFIFO | 0o600 }), isAlreadyExists);
});

test("openInRoot: absolute links and parents stay inside the root", () => {
  const root = join(folder, "root");
  mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(join(root, "etc/passwd"), "inside");
  symlinkSync("/etc/passwd", join(root, "absolute"));
  symlinkSync("../../../../../../etc/passwd", join(root, "upward"));
  for (const path of ["etc/passwd", "/etc/passwd", "absolute", "upward", "../../etc/passwd"]) {
    const fd = openInRoot(root, path, constants.O_RDONLY);
    try {
      assert.equal(readFileSync(fd, "utf8"), "inside");
    } finally {
      closeSync(fd);
    }
  }
});

test("openInRoot: not_found, also for the root", () => {
  assert.throws(() => openInRoot(folder, "nothing", constants.O_RDONLY), isNotFound);
  assert.throws(() => openInRoot(join(folder, "nothing"), "x", constants.O_RDONLY), isNotFound);
});

test("renameNoReplace: moves to a free name and refuses a taken one", () => {
  const from = file("from", "1");
  const taken = file("taken", "2");
  assert.throws(() => renameNoReplace(from, taken), isAlreadyExists);
  assert.equal(readFileSync(taken, "utf8"), "2");
  renameNoReplace(from, join(folder, "free"));
  assert.equal(readFileSync(join(folder, "free"), "utf8"), "1");
});

test("sparse files: a punched hole leaves two segments and reads as zeros", () => {
  const fd = openSync(join(folder, "sparse"), "w+");
  try {
    const block = 1 << 16;
    writeSync(fd, Buffer.alloc(3 * block, 1));
    ftruncateSync(fd, 4 * block);
    punchHole(fd, block, block);
    assert.deepEqual(
      [...dataSegments(fd, 4 * block)],
      [
        { offset: 0, length: block },
        { offset: 2 * block, length: block },
      ],
    );
    assert.deepEqual([...dataSegments(fd, 0)], []);
  } finally {
    closeSync(fd);
  }
});

test("filesystems: names, room and sync", async () => {
  const facts = await statFilesystem(folder);
  assert.match(facts.type, /^[a-z0-9<>]+$/);
  assert.ok(facts.totalBytes >= facts.freeBytes && facts.freeBytes > 0);
  assert.equal((await statFilesystem("/proc")).type, "<unknown>");
  await syncFilesystem(folder);
  await assert.rejects(syncFilesystem(join(folder, "nothing")), isNotFound);
  await assert.rejects(statFilesystem(join(folder, "nothing")), isNotFound);
});
