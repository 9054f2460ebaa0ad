import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { hasCode } from "#errors";
import type { MergedView, ViewEntry } from "./mergedView.ts";
import { collect, directory, file, openTestStore, symlink, tarOf } from "./testStore.ts";
import type { Member } from "./testStore.ts";

/** A view of layers given as members, base first. */
async function viewOf(t: TestContext, layers: readonly (readonly Member[])[]): Promise<MergedView> {
  const { store, add } = await openTestStore(t);
  const diffIds = [];
  for (const members of layers) diffIds.push(await add(tarOf(members)));
  const view = await store.openView(diffIds);
  t.after(() => view[Symbol.asyncDispose]());
  return view;
}

function pathsOf(entries: Iterable<ViewEntry>): readonly string[] {
  return Array.from(entries, ({ path }) => path);
}

async function textAt(view: MergedView, path: string): Promise<string | undefined> {
  const entry = view.lookup(path);
  return entry === undefined ? undefined : (await collect(view.readFile(entry))).toString();
}

test("mergedView: the upper file wins, the rest shows through", async (t) => {
  const view = await viewOf(t, [
    [directory("etc"), file("etc/a", "low"), file("etc/b", "b")],
    [directory("etc"), file("etc/a", "high"), file("etc/c", "c")],
  ]);
  assert.deepEqual(pathsOf(view.walk()), ["", "etc", "etc/a", "etc/b", "etc/c"]);
  assert.equal(await textAt(view, "/etc/a"), "high");
  assert.equal(await textAt(view, "etc/./b"), "b");
  assert.deepEqual(
    view.list("etc")?.map(({ layer }) => layer),
    [1, 0, 1],
  );
});

test("mergedView: a whiteout removes, and what comes above it is new", async (t) => {
  const view = await viewOf(t, [
    [file("d/x", "x"), file("d/y", "y"), file("gone", "g")],
    [file(".wh.d", ""), file(".wh.gone", "")],
    [file("d/z", "z")],
  ]);
  assert.deepEqual(pathsOf(view.walk()), ["", "d", "d/z"]);
  assert.equal(view.lookup("gone"), undefined);
  assert.equal(view.lookup("d/x"), undefined);
});

test("mergedView: an opaque directory cuts what is below it only", async (t) => {
  const view = await viewOf(t, [
    [directory("d"), file("d/low", "1")],
    [directory("d"), file("d/.wh..wh..opq", ""), file("d/mid", "2")],
    [directory("d"), file("d/high", "3")],
  ]);
  assert.deepEqual(pathsOf(view.list("d") ?? []), ["d/high", "d/mid"]);
});

test("mergedView: a file over a directory and a directory over a file do not merge", async (t) => {
  const view = await viewOf(t, [
    [file("a/deep", "1"), file("b", "plain")],
    [file("a", "file"), file("b/deep", "2")],
    [file("a/other", "3")],
  ]);
  assert.deepEqual(pathsOf(view.walk()), ["", "a", "a/other", "b", "b/deep"]);
});

test("mergedView: an implied directory keeps the attributes of the layer that names it", async (t) => {
  const view = await viewOf(t, [
    [directory("home", { mode: 0o700, uid: 5, gid: 6, mtimeSeconds: 99 })],
    [file("home/x", "x")],
    [file("new/dir/y", "y")],
  ]);
  const home = view.lookup("home");
  assert.deepEqual([home?.stat.mode, home?.stat.uid, home?.stat.gid, home?.layer], [0o700, 5, 6, 0]);
  assert.equal(view.lookup("new/dir")?.stat.mode, 0o755);
  assert.deepEqual(pathsOf(view.list("home") ?? []), ["home/x"]);
});

test("mergedView: a hard link into a lower layer is that file", async (t) => {
  const view = await viewOf(t, [
    [file("bin/tool", "tool", { mode: 0o755 })],
    [
      { path: "bin/alias", type: "hardlink", linkPath: "bin/tool" },
      { path: "dead", type: "hardlink", linkPath: "none" },
    ],
  ]);
  assert.equal(await textAt(view, "bin/alias"), "tool");
  assert.equal(view.lookup("bin/alias")?.path, "bin/alias");
  assert.deepEqual(pathsOf(view.walk()), ["", "bin", "bin/alias", "bin/tool"]);
});

test("mergedView: symlinks are followed within the root", async (t) => {
  const view = await viewOf(t, [
    [
      directory("usr/bin"),
      file("usr/bin/sh", "shell"),
      symlink("bin", "usr/bin"),
      symlink("usr/bin/abs", "/usr/bin/sh"),
      symlink("out", "../../../../usr/bin/sh"),
      symlink("loop", "loop"),
      symlink("dangling", "nowhere"),
    ],
  ]);
  for (const path of ["bin/sh", "/bin/abs", "out", "usr/../bin/../bin/sh", "../../usr/bin/sh"]) {
    assert.equal(view.lookup(path)?.path, "usr/bin/sh");
  }
  assert.equal(await textAt(view, "bin/abs"), "shell");
  assert.equal(await textAt(view, "out"), "shell");
  assert.equal(await textAt(view, "bin/../../none/../usr/bin/sh"), undefined);
  assert.equal(view.lookup("dangling"), undefined);
  const link = view.lookup("bin", { follow: false });
  assert.ok(link !== undefined);
  assert.equal(view.readlink(link), "usr/bin");
  assert.throws(
    () => view.lookup("loop"),
    (error) => hasCode(error, "SYMLINK_LOOP"),
  );
  assert.equal(view.lookup("usr/bin/sh/x"), undefined);
  assert.equal(view.lookup("usr/bin/sh/"), undefined);
  assert.equal(view.list("usr/bin/sh"), undefined);
});

test("mergedView: attributes come without overlayfs' own", async (t) => {
  const xattrs = new Map([["user.note", Buffer.from("hi")]]);
  const view = await viewOf(t, [[directory("d", { xattrs }), file("d/.wh..wh..opq", "")]]);
  const entry = view.lookup("d");
  assert.ok(entry !== undefined);
  assert.deepEqual(
    [...view.xattrs(entry)].map(([name, value]) => [name, Buffer.from(value).toString()]),
    [["user.note", "hi"]],
  );
});

test("mergedView: reads ranges, and whole small files up to a bound", async (t) => {
  const view = await viewOf(t, [[file("f", "0123456789")]]);
  const entry = view.lookup("f");
  const root = view.lookup("");
  assert.ok(entry !== undefined && root !== undefined);
  assert.equal((await collect(view.readFile(entry, { offset: 3, length: 4 }))).toString(), "3456");
  assert.equal((await collect(view.readFile(entry, { offset: 30 }))).toString(), "");
  assert.equal((await view.readSmallFile(entry)).toString(), "0123456789");
  await assert.rejects(view.readSmallFile(entry, 9), (error) => hasCode(error, "LAYER_LIMIT"));
  assert.throws(() => view.readFile(root), /not a regular file/);
  assert.throws(() => view.readlink(entry), /not a symlink/);
});

test("mergedView: a stack of no layers holds nothing", async (t) => {
  const view = await viewOf(t, []);
  assert.equal(view.lookup("/"), undefined);
  assert.deepEqual(pathsOf(view.walk()), []);
});
