import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { readTarStream, writeTarStream } from "#tar";
import type { TarHeader, TarMemberSource } from "#tar";
import { localSource, localTarget } from "./localPath.ts";
import { packLocal } from "./pack.ts";
import { keepEnding, rebaseName, splitArgument, splitEntry } from "./paths.ts";
import { planCopy } from "./plan.ts";
import type { CopyPlan } from "./plan.ts";
import { unpackLocal } from "./unpack.ts";

const info = { exists: true, isFolder: false, rebase: "" };

test("cp arguments: a colon names a container, but not in an explicit path", () => {
  assert.deepEqual(splitArgument("web:/etc"), { container: "web", path: "/etc" });
  assert.deepEqual(splitArgument("./a:b"), { container: "", path: "./a:b" });
  assert.deepEqual(splitArgument("/a:b"), { container: "", path: "/a:b" });
  assert.deepEqual(splitArgument("-"), { container: "", path: "-" });
});

test("cp paths: endings that mean something are kept", () => {
  assert.equal(keepEnding("/a", "a/."), "/a/.");
  assert.equal(keepEnding("/a", "a/"), "/a/");
  assert.equal(keepEnding("/", "/"), "/");
  assert.deepEqual(splitEntry("/a/b/."), { folder: "/a/b", name: "." });
  assert.deepEqual(splitEntry("/a/b/"), { folder: "/a", name: "b" });
  assert.deepEqual(splitEntry("/"), { folder: "/", name: "/" });
  assert.deepEqual(rebaseName("/x/link", "/y/file"), { path: "/y/file", rebase: "link" });
});

test("cp plan: into a directory, over a file, as a new name, and what cannot be", () => {
  const file = { ...info, path: "/s/f" };
  const folder = { ...info, path: "/s/d", isFolder: true };
  assert.deepEqual(planCopy(file, { ...info, path: "/t", isFolder: true }), { folder: "/t" });
  assert.deepEqual(planCopy(file, { ...info, path: "/t/g" }), { folder: "/t", rename: { from: "f", to: "g" } });
  const absent = { ...info, exists: false };
  assert.deepEqual(planCopy(folder, { ...absent, path: "/t/n" }), { folder: "/t", rename: { from: "d", to: "n" } });
  assert.throws(() => planCopy(folder, { ...info, path: "/t/g" }), /^Error: cannot copy directory$/);
  assert.throws(() => planCopy(file, { ...absent, path: "/t/n/" }), /^Error: no such directory$/);
});

describe("cp on this machine", () => {
  let folder = "";
  let target = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "varve-cp-"));
    target = join(folder, "target");
    mkdirSync(target);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const extract = (members: readonly TarMemberSource[], plan: CopyPlan = { folder: target }): Promise<void> =>
    unpackLocal(readTarStream(writeTarStream(members)), plan);
  const file = (path: string, text = "x"): TarMemberSource => ({
    header: { path, type: "file", mode: 0o644, size: text.length },
    body: [Buffer.from(text)],
  });
  const other = (header: Partial<TarHeader> & Pick<TarHeader, "path" | "type">): TarMemberSource => ({
    header: { mode: 0o755, ...header },
  });

  test("cp: a tree goes through an archive and comes out equal", async () => {
    const source = join(folder, "source");
    mkdirSync(join(source, "sub"), { recursive: true });
    writeFileSync(join(source, "sub/name with ü"), "text", { mode: 0o640 });
    symlinkSync("sub", join(source, "link"));
    const from = localSource(source, false);
    const plan = planCopy(from, localTarget(join(target, "copy")));
    await unpackLocal(readTarStream(writeTarStream(packLocal(from, plan))), { folder: plan.folder });
    assert.equal(readFileSync(join(target, "copy/sub/name with ü"), "utf8"), "text");
    assert.equal(lstatSync(join(target, "copy/sub/name with ü")).mode & 0o7777, 0o640);
    assert.equal(readlinkSync(join(target, "copy/link")), "sub");
  });

  test("cp: modes of directories are set after they are filled", async () => {
    await extract([other({ path: "d", type: "directory", mode: 0o500 }), file("d/f")]);
    assert.equal(lstatSync(join(target, "d")).mode & 0o7777, 0o500);
    assert.ok(existsSync(join(target, "d/f")));
  });

  test("hostile archive: a name that climbs out is refused", async () => {
    await assert.rejects(extract([file("../out")]), /is outside of/);
    await assert.rejects(extract([file("a/../../out")]), /is outside of/);
    assert.ok(!existsSync(join(folder, "out")));
  });

  test("hostile archive: an absolute name stays below the target", async () => {
    await extract([file("/etc/x")]);
    assert.ok(existsSync(join(target, "etc/x")));
  });

  test("hostile archive: a link that leads out is refused", async () => {
    await assert.rejects(extract([other({ path: "l", type: "symlink", linkPath: "../../x" })]), /invalid symlink/);
    await assert.rejects(extract([other({ path: "h", type: "hardlink", linkPath: "../x" })]), /invalid hardlink/);
  });

  test("hostile archive: nothing is written through a link that the archive made", async () => {
    const outside = join(folder, "outside");
    mkdirSync(outside);
    const link = other({ path: "l", type: "symlink", linkPath: outside });
    await assert.rejects(extract([link, file("l/f")]), /is not a directory, nothing is put behind it/);
    assert.ok(!existsSync(join(outside, "f")));
  });

  test("hostile archive: nothing is written through a link that was there", async () => {
    const outside = join(folder, "outside");
    mkdirSync(outside);
    symlinkSync(outside, join(target, "l"));
    await assert.rejects(extract([file("l/f")]), /nothing is put behind it/);
    writeFileSync(join(folder, "secret"), "kept");
    symlinkSync(join(folder, "secret"), join(target, "s"));
    await extract([file("s", "new")]);
    assert.equal(readFileSync(join(folder, "secret"), "utf8"), "kept");
    assert.equal(readFileSync(join(target, "s"), "utf8"), "new");
  });

  test("hostile archive: a hard link through a link is refused", async () => {
    symlinkSync("/etc", join(target, "l"));
    const link = other({ path: "h", type: "hardlink", linkPath: "l/passwd" });
    await assert.rejects(extract([link]), /nothing is put behind it/);
  });

  test("cp: a directory is not replaced by a file, nor a file by a directory", async () => {
    mkdirSync(join(target, "d"));
    writeFileSync(join(target, "f"), "");
    await assert.rejects(extract([file("d")]), /cannot overwrite directory/);
    await assert.rejects(extract([other({ path: "f", type: "directory" })]), /cannot overwrite non-directory/);
  });
});
