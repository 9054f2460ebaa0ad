import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { hasCode, isInvalidArgument } from "#errors";
import { findProgram } from "#host";
import type { DiffId } from "#oci";
import type { CopyAction, Filesystem } from "../graph/operation.ts";
import { SCRATCH, copyOf, openFilesTestbed, tarOf } from "./filesTestbed.ts";
import type { FilesTestbed, Member } from "./filesTestbed.ts";

const MADE_AT = 318_211_200;

interface World extends FilesTestbed {
  readonly put: (name: string, bytes: Uint8Array) => void;
  /** ADDs and lists the stack. */
  readonly add2: (
    base: Filesystem,
    name: string,
    destination?: string,
    more?: Partial<CopyAction>,
  ) => Promise<string[]>;
  readonly base: (...members: readonly Member[]) => Promise<Filesystem>;
}

async function open(t: TestContext): Promise<World> {
  const bed = await openFilesTestbed(t);
  const root = join(bed.directory, "context");
  const context: Filesystem = { kind: "context", directory: { path: root, isOwnedByRoot: true } };
  return {
    ...bed,
    put: (name, bytes) => writeFileSync(join(root, name), bytes),
    add2: async (base, name, destination = "/t/", more = {}) => {
      const action = copyOf([name], destination, { unpack: true, ...more });
      const made = await bed.make([action], [base, context]);
      const below: readonly DiffId[] = base.kind === "layers" ? base.diffIds : [];
      return bed.list([...below, made]);
    },
    base: async (...members) => ({ kind: "layers", diffIds: [await bed.add(...members)] }),
  };
}

const MEMBERS: readonly Member[] = [
  { path: "./", type: "directory", mode: 0o700, uid: 1, gid: 1, mtimeSeconds: 3 },
  { path: "dir/", type: "directory", mode: 0o711, uid: 7, gid: 8, mtimeSeconds: 5 },
  { path: "dir/f", type: "file", mode: 0o4755, uid: 9, gid: 10, mtimeSeconds: 6, body: "text" },
  { path: "h", type: "hardlink", linkPath: "./dir/f" },
  { path: "l", type: "symlink", linkPath: "/anywhere", mode: 0o777, mtimeSeconds: 7 },
  { path: "p", type: "fifo", mtimeSeconds: 8 },
];
const UNPACKED = [
  `t directory 755 0:0 ${MADE_AT}`,
  "t/dir directory 711 7:8 5",
  "t/dir/f file 4755 9:10 6 text",
  "t/h file 4755 9:10 6 text",
  "t/l symlink 777 0:0 7 /anywhere",
  "t/p fifo 644 0:0 8",
];

test("ADD: archives are unpacked whatever their name and compression, with owners and modes of their own", async (t) => {
  const w = await open(t);
  const tar = tarOf(MEMBERS);
  w.put("plain", tar);
  w.put("g", gzipSync(tar));
  w.put("z", zstdCompressSync(tar));
  const names = ["plain", "g", "z"];
  for (const program of ["xz", "bzip2"]) {
    const file = findProgram(program);
    if (file === undefined) {
      t.diagnostic(`${program} is not installed: not tried`);
      continue;
    }
    w.put(program, execFileSync(file, ["-c"], { input: tar }));
    names.push(program);
  }
  for (const name of names) {
    const shown = await w.add2(SCRATCH, name, "/t/", { mode: "600" });
    assert.deepEqual(shown, UNPACKED, name);
  }
  assert.deepEqual(await w.add2(SCRATCH, "g", "/t"), UNPACKED);
  assert.deepEqual(readdirSync(join(w.directory, "buildkit/spool")), []);
});

test("ADD: what is no archive is copied as it is", async (t) => {
  const w = await open(t);
  w.put("text.tar", Buffer.from("no tar"));
  w.put("long.tar", Buffer.alloc(5000, "x"));
  w.put("text.gz", gzipSync("no tar either"));
  w.put("broken.gz", Buffer.concat([gzipSync(tarOf(MEMBERS)).subarray(0, 12), Buffer.alloc(50)]));
  w.put("empty.tar", Buffer.alloc(1024));
  w.put("nothing", Buffer.alloc(0));
  for (const name of ["text.tar", "long.tar", "text.gz", "broken.gz", "empty.tar", "nothing"]) {
    const names = (await w.add2(SCRATCH, name)).map((line) => line.split(" ")[0]);
    assert.deepEqual(names, ["t", `t/${name}`]);
  }
  w.put("archive", tarOf(MEMBERS));
  assert.deepEqual((await w.add2(SCRATCH, "archive", "/t/", { unpack: false })).length, 2);
});

test("ADD: over what the base has", async (t) => {
  const w = await open(t);
  const base = await w.base(
    { path: "t/dir/old", type: "file", body: "kept" },
    { path: "t/becomesFile/x", type: "file" },
    { path: "t/becomesDirectory", type: "file" },
    { path: "t/again/below", type: "file" },
    { path: "t/target", type: "file", body: "linked", uid: 3 },
  );
  w.put(
    "a",
    tarOf([
      { path: "dir/", type: "directory", mode: 0o700, mtimeSeconds: 1 },
      { path: "becomesFile", type: "file", mtimeSeconds: 1, body: "f" },
      { path: "becomesDirectory/", type: "directory", mode: 0o755, mtimeSeconds: 1 },
      { path: "again", type: "file", body: "1" },
      { path: "again/", type: "directory", mode: 0o750, mtimeSeconds: 1 },
      { path: "twice", type: "file", body: "1" },
      { path: "twice", type: "file", body: "2", mtimeSeconds: 1 },
      { path: "toBase", type: "hardlink", linkPath: "target" },
    ]),
  );
  const shown = await w.add2(base, "a");
  assert.deepEqual(shown.slice(1), [
    "t/again directory 750 0:0 1",
    "t/becomesDirectory directory 755 0:0 1",
    "t/becomesFile file 644 0:0 1 f",
    "t/dir directory 700 0:0 1",
    "t/dir/old file 644 0:0 0 kept",
    "t/target file 644 3:0 0 linked",
    "t/toBase file 644 3:0 0 linked",
    "t/twice file 644 0:0 1 2",
  ]);
});

test("hostile archive: nothing leads out of the destination", async (t) => {
  const w = await open(t);
  const base = await w.base({ path: "etc/passwd", type: "file", body: "root" }, { path: "t/etc", type: "directory" });
  w.put(
    "names",
    tarOf([
      { path: "../../../etc/passwd", type: "file", body: "evil" },
      { path: "/etc/shadow", type: "file", body: "evil" },
    ]),
  );
  w.put(
    "link",
    tarOf([
      { path: "l", type: "symlink", linkPath: "../../../etc" },
      { path: "l/passwd", type: "file", body: "evil" },
    ]),
  );
  for (const name of ["names", "link"]) {
    const shown = await w.add2(base, name);
    assert.ok(shown.includes("etc/passwd file 644 0:0 0 root"), name);
    assert.ok(shown.includes("t/etc/passwd file 644 0:0 0 evil"), name);
  }
  w.put(
    "dangling",
    tarOf([
      { path: "l", type: "symlink", linkPath: "/nowhere" },
      { path: "l/f", type: "file" },
    ]),
  );
  await assert.rejects(w.add2(base, "dangling"), /^EngineError: open \/l\/f: no such file or directory$/);
  w.put("hard", tarOf([{ path: "c", type: "hardlink", linkPath: "../../etc/shadow" }]));
  await assert.rejects(w.add2(base, "hard"), /^EngineError: link \/etc\/shadow \/c: no such file or directory$/);
  w.put(
    "loop",
    tarOf([
      { path: "a", type: "symlink", linkPath: "b" },
      { path: "b", type: "symlink", linkPath: "a" },
      { path: "a/x", type: "file" },
    ]),
  );
  await assert.rejects(w.add2(base, "loop"), isInvalidArgument);
  w.put("whiteout", tarOf([{ path: "etc/.wh.passwd", type: "file" }]));
  await assert.rejects(w.add2(base, "whiteout", "/"), isInvalidArgument);
});

test("hostile archive: cut short, or deeper than any path", async (t) => {
  const w = await open(t);
  w.put("short", tarOf([{ path: "a", type: "file", body: "x".repeat(5000) }]).subarray(0, 2000));
  await assert.rejects(w.add2(SCRATCH, "short"), (error) => hasCode(error, "TAR_TRUNCATED"));
  w.put("deep", tarOf([{ path: "d/".repeat(4000), type: "directory" }]));
  await assert.rejects(w.add2(SCRATCH, "deep"), isInvalidArgument);
});
