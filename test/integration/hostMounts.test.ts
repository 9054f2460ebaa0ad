/** Mounts as the kernel does them. Needs root and overlayfs; loop devices for their test. Everything made here is unmounted again. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { categoryOf, hasCode, isConflict } from "#errors";
import {
  bindMount,
  isErrno,
  isMountPoint,
  listMounts,
  makeNode,
  makePrivate,
  mountErofs,
  mountErofsLoop,
  mountOverlay,
  unmount,
} from "#host";

const skip = process.getuid?.() === 0 ? false : "needs root to mount";

interface Workspace extends AsyncDisposable {
  readonly path: string;
  folder(name: string, files?: Readonly<Record<string, string>>): string;
}

function workspace(suffix = ""): Workspace {
  const base = mkdtempSync(join(tmpdir(), "varve-mounts-"));
  const path = base + suffix;
  mkdirSync(path, { recursive: true });
  return {
    path,
    folder(name, files = {}) {
      const folder = join(path, name);
      mkdirSync(folder, { recursive: true });
      for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
      return folder;
    },
    async [Symbol.asyncDispose]() {
      const mounts = await listMounts(path);
      for (const { target } of mounts.toReversed()) await unmount(target, { lazy: true });
      rmSync(base, { recursive: true, force: true });
    },
  };
}

test("bindMount: shows a folder, read-only when asked", { skip }, async () => {
  await using at = workspace();
  const source = at.folder("source", { file: "1" });
  const target = at.folder("target");
  await bindMount({ source, target, readOnly: true });
  assert.equal(readFileSync(join(target, "file"), "utf8"), "1");
  assert.throws(() => writeFileSync(join(target, "new"), ""), { code: "EROFS" });
  writeFileSync(join(source, "new"), "");
  assert.equal(await unmount(target), true);
  assert.deepEqual(readdirSync(target), []);
});

test("unmount: false without a mount, conflict while in use, lazy then", { skip }, async () => {
  await using at = workspace();
  const target = at.folder("target");
  assert.equal(await unmount(target), false);
  assert.equal(await unmount(join(at.path, "nothing")), false);
  await bindMount({ source: at.folder("source"), target });
  const home = process.cwd();
  process.chdir(target);
  try {
    await assert.rejects(unmount(target), isConflict);
    assert.equal(await unmount(target, { lazy: true }), true);
  } finally {
    process.chdir(home);
  }
  assert.equal(await isMountPoint(target), false);
});

test("mounts: targets with spaces, backslashes, newlines and commas are found again", { skip }, async () => {
  await using at = workspace("/a b\\c\nd,e:f");
  const target = at.folder("target");
  await makePrivateBind(target);
  assert.equal(await isMountPoint(target), true);
  assert.equal(await isMountPoint(at.path), false);
  assert.deepEqual(
    (await listMounts(at.path)).map((entry) => entry.target),
    [target],
  );
});

async function makePrivateBind(target: string): Promise<void> {
  await bindMount({ source: target, target });
  await makePrivate(target);
}

test("mountOverlay: the top of the stack wins, changes land in the upper", { skip }, async () => {
  await using at = workspace();
  const lowers = [at.folder("top", { name: "top" }), at.folder("base", { name: "base", other: "base" })];
  const upper = at.folder("upper");
  const target = at.folder("merged");
  await mountOverlay({ lowers, upper, work: at.folder("work"), target });
  assert.deepEqual(
    ["name", "other"].map((name) => readFileSync(join(target, name), "utf8")),
    ["top", "base"],
  );
  writeFileSync(join(target, "other"), "changed");
  assert.equal(readFileSync(join(upper, "other"), "utf8"), "changed");
  const [entry] = await listMounts(target);
  assert.equal(entry?.type, "overlay");
  assert.ok(!entry.superOptions.includes("redirect_dir=on") && !entry.superOptions.includes("metacopy=on"));
});

test("mountOverlay: paths with the option string's separators", { skip }, async () => {
  await using at = workspace("/a,b:c\\d e");
  const target = at.folder("merged");
  await mountOverlay({
    lowers: [at.folder("one", { one: "" }), at.folder("two", { two: "" })],
    upper: at.folder("upper"),
    work: at.folder("work"),
    target,
  });
  assert.deepEqual(readdirSync(target).sort(), ["one", "two"]);
});

test("mountOverlay: without an upper it is a read-only view, of one layer too", { skip }, async () => {
  await using at = workspace();
  const lowers = [at.folder("one", { one: "" }), at.folder("two", { two: "" })];
  for (const count of [2, 1]) {
    const target = at.folder(`view${count}`);
    await mountOverlay({ lowers: lowers.slice(0, count), target });
    assert.equal(readdirSync(target).length, count);
    assert.throws(() => writeFileSync(join(target, "new"), ""), { code: "EROFS" });
  }
});

test("mountOverlay: 300 layers with long paths, and a clear refusal above 500", { skip }, async () => {
  await using at = workspace();
  const lowers = Array.from({ length: 300 }, (_, index) =>
    at.folder(`layer-${"x".repeat(40)}-${index}`, { [`f${index}`]: "" }),
  );
  const target = at.folder("merged");
  await mountOverlay({ lowers, upper: at.folder("upper"), work: at.folder("work"), target });
  assert.equal(readdirSync(target).length, lowers.length);
  const many = Array.from({ length: 501 }, () => at.path);
  await assert.rejects(mountOverlay({ lowers: many, target }), (error) => hasCode(error, "TOO_MANY_LAYERS"));
});

test("mountOverlay: a failure names the target and leaves nothing mounted", { skip }, async () => {
  await using at = workspace();
  const target = at.folder("merged");
  await assert.rejects(
    mountOverlay({ lowers: [join(at.path, "absent"), at.folder("there")], target }),
    (error) => isErrno(error, "ENOENT") && categoryOf(error) === "not_found" && String(error).includes(target),
  );
  await assert.rejects(mountOverlay({ lowers: [at.folder("twice"), at.folder("twice")], target }), (error) =>
    isErrno(error, "ELOOP"),
  );
  assert.deepEqual(await listMounts(at.path), []);
});

test("makeNode: a device with a large minor, and the whiteout's 0/0", { skip }, async () => {
  await using at = workspace();
  for (const [major, minor] of [
    [0, 0],
    [259, 70_000],
  ] as const) {
    const path = join(at.path, `${major}-${minor}`);
    makeNode(path, { mode: constants.S_IFCHR | 0o600, major, minor });
    const { rdev, mode } = statSync(path, { bigint: true });
    assert.equal(mode & BigInt(constants.S_IFMT), BigInt(constants.S_IFCHR));
    assert.equal(rdev, BigInt((minor & 0xff) | (major << 8)) | (BigInt(minor & ~0xff) << 12n));
  }
});

test("erofs: a file that is no image is refused, and its loop device is free again", { skip }, async () => {
  await using at = workspace();
  const source = join(at.path, "image");
  writeFileSync(source, Buffer.alloc(64 << 10));
  const target = at.folder("target");
  await assert.rejects(mountErofs({ source, target }), (error) => categoryOf(error) !== "not_found");
  await assert.rejects(mountErofsLoop({ source, target }), (error) => isErrno(error, "EINVAL"));
  const attached = readdirSync("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .map((name) => `/sys/block/${name}/loop/backing_file`)
    .filter((file) => existsSync(file) && readFileSync(file, "utf8").trim() === source);
  assert.deepEqual(attached, []);
});
