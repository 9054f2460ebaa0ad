import assert from "node:assert/strict";
import { mkdtemp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { encodeTarHeader, readTarStream, TAR_END, tarPadding } from "#tar";
import type { TarHeader } from "#tar";
import { unpackWhole } from "./unpackWhole.ts";

type Member = TarHeader & { readonly body?: string };

const file = (path: string, body: string, mode = 0o640): Member => ({
  path,
  type: "file",
  mode,
  body,
  mtimeSeconds: 7,
});
const directory = (path: string, mode = 0o755): Member => ({ path, type: "directory", mode, mtimeSeconds: 7 });

function tarOf(members: readonly Member[]): Buffer {
  const parts = members.flatMap(({ body = "", ...header }) => [
    encodeTarHeader({ ...header, size: body.length }),
    Buffer.from(body),
    tarPadding(body.length),
  ]);
  return Buffer.concat([...parts, TAR_END]);
}

async function* chunks(bytes: Uint8Array, failAt = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 512) {
    if (at >= failAt) throw new Error("connection reset");
    yield bytes.subarray(at, at + 512);
  }
}

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "varve-unpack-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

const TREE = [directory("d/", 0o2750), file("d/a", "new a"), directory("d/sub/"), file("d/sub/b", "b")];

test("unpackWhole: a new directory, with modes and times", async (t) => {
  const folder = await temporary(t);
  await unpackWhole(readTarStream(chunks(tarOf(TREE))), { folder });
  assert.deepEqual(await readdir(folder), ["d"]);
  assert.equal(await readFile(join(folder, "d/sub/b"), "utf8"), "b");
  const { mode, mtimeMs } = await stat(join(folder, "d"));
  assert.deepEqual([mode & 0o7777, mtimeMs], [0o2750, 7000]);
});

test("unpackWhole: what is there already is merged, files are replaced", async (t) => {
  const folder = await temporary(t);
  await mkdir(join(folder, "d"));
  await writeFile(join(folder, "d/a"), "old a");
  await writeFile(join(folder, "d/kept"), "kept");
  await unpackWhole(readTarStream(chunks(tarOf(TREE))), { folder });
  assert.deepEqual(await readdir(join(folder, "d")), ["a", "kept", "sub"]);
  assert.equal(await readFile(join(folder, "d/a"), "utf8"), "new a");
});

test("unpackWhole: an archive that breaks off changes nothing", async (t) => {
  const folder = await temporary(t);
  await mkdir(join(folder, "d"));
  await writeFile(join(folder, "d/a"), "old a");
  const bytes = tarOf(TREE);
  for (const failAt of [512, 1024, 1536, 2560]) {
    await assert.rejects(unpackWhole(readTarStream(chunks(bytes, failAt)), { folder }), /connection reset/);
    assert.deepEqual([await readdir(folder), await readdir(join(folder, "d"))], [["d"], ["a"]]);
    assert.equal(await readFile(join(folder, "d/a"), "utf8"), "old a");
  }
  await assert.rejects(
    unpackWhole(readTarStream(chunks(bytes.subarray(0, 1600))), { folder }),
    /ends within|truncated|cut|EOF/i,
  );
  assert.deepEqual(await readdir(join(folder, "d")), ["a"]);
});

test("unpackWhole: another kind of thing in the way is told before anything is moved", async (t) => {
  const folder = await temporary(t);
  await mkdir(join(folder, "d/sub/b"), { recursive: true });
  await writeFile(join(folder, "d/a"), "old a");
  await assert.rejects(
    unpackWhole(readTarStream(chunks(tarOf(TREE))), { folder }),
    /^Error: cannot overwrite directory ".*\/d\/sub\/b" with non-directory ".*"$/,
  );
  assert.equal(await readFile(join(folder, "d/a"), "utf8"), "old a");
  assert.deepEqual(await readdir(folder), ["d"]);
});

test("unpackWhole: hostile names and links stay out, links on the way are not followed", async (t) => {
  const folder = await temporary(t);
  const target = join(folder, "target");
  await mkdir(target);
  await mkdir(join(folder, "other"));
  await symlink("../other", join(target, "d"));
  const fails = async (members: readonly Member[], message: RegExp): Promise<void> => {
    await assert.rejects(unpackWhole(readTarStream(chunks(tarOf(members))), { folder: target }), message);
    assert.deepEqual([await readdir(target), await readdir(join(folder, "other"))], [["d"], []]);
  };
  await fails(TREE, /cannot overwrite non-directory/);
  await fails([{ path: "l", type: "symlink", mode: 0o777, linkPath: "../../etc" }], /invalid symlink ".*\/target\/l"/);
  await fails([{ path: "h", type: "hardlink", mode: 0o777, linkPath: "../other/x" }], /hardlink|hard link|\.\./);
  await fails([file("../escape", "x")], /\.\.|outside/);
});
