import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSearch, searchLayer } from "#analysis";
import type { LayerEntry, SearchQuery } from "#analysis";
import { hasCode } from "#errors";
import { directory, entry, file, hardLink, layer, symlink, whiteout } from "./analysis.testkit.test.ts";

const LAYER = layer(
  directory("tmp", { mode: 0o1777 }),
  file("usr/bin/sudo", 2000, { mode: 0o4755 }),
  file("usr/bin/wall", 100, { mode: 0o2755, gid: 5 }),
  hardLink("usr/bin/sudoedit", "usr/bin/sudo"),
  symlink("usr/bin/x", "sudo"),
  file("home/me/Caf\xc3\xa9.txt", 10, { uid: 1000, gid: 1000, mode: 0o666 }),
  entry("dev/null", "char", { mode: 0o666, device: { major: 1, minor: 3 } }),
  whiteout("usr/bin/gone"),
  file("empty", 0),
);

function found(query: SearchQuery, entries: readonly LayerEntry[] = LAYER): readonly string[] {
  const matcher = compileSearch(query);
  return entries.filter((item) => matcher.matches(item)).map((item) => item.path);
}

test("search: names, as people see them", () => {
  assert.deepEqual(found({ globs: ["sudo*", "w*"] }), ["usr/bin/sudo", "usr/bin/sudoedit", "usr/bin/wall"]);
  assert.deepEqual(found({ globs: ["Café.*"] }), ["home/me/Caf\xc3\xa9.txt"]);
  assert.deepEqual(found({ globs: ["Caf?.txt"] }), ["home/me/Caf\xc3\xa9.txt"]);
  assert.deepEqual(found({ globs: ["CAFÉ*"] }), []);
  assert.deepEqual(found({ globs: ["CAFÉ*"], ignoreCase: true }), ["home/me/Caf\xc3\xa9.txt"]);
  assert.deepEqual(found({ regex: "^usr/.*/w" }), ["usr/bin/wall"]);
  assert.deepEqual(found({ regex: "SUDOEDIT", ignoreCase: true }), ["usr/bin/sudoedit"]);
  assert.deepEqual(found({ globs: ["gone"] }), [], "a whiteout is no file");
});

test("search: sizes of files, in bytes or with a unit", () => {
  assert.deepEqual(found({ larger: "1kB" }), ["usr/bin/sudo"]);
  assert.deepEqual(found({ larger: 99, smaller: "1KiB" }), ["usr/bin/wall"]);
  assert.deepEqual(found({ smaller: 1 }), ["empty"]);
});

test("search: bits, owners and types", () => {
  assert.deepEqual(found({ setuid: true }), ["usr/bin/sudo"]);
  assert.deepEqual(found({ setgid: true }), ["usr/bin/wall"]);
  assert.deepEqual(found({ worldWritable: true }), ["dev/null", "home/me/Caf\xc3\xa9.txt", "tmp"]);
  assert.deepEqual(found({ owner: "1000" }), ["home/me/Caf\xc3\xa9.txt"]);
  assert.deepEqual(found({ owner: ":5" }), ["usr/bin/wall"]);
  assert.deepEqual(found({ owner: "root:5" }), ["usr/bin/wall"]);
  assert.deepEqual(found({ owner: "1000:0" }), []);
  assert.deepEqual(found({ type: "l" }), ["usr/bin/x"]);
  assert.deepEqual(found({ type: "directory", globs: ["tmp", "usr"] }), ["tmp", "usr"]);
  assert.deepEqual(found({ type: "d", owner: "0" }), ["tmp"], "an implied directory has no owner");
  assert.deepEqual(found({ type: "c" }), ["dev/null"]);
});

test("search: what is none of these is refused", () => {
  const wrong: readonly SearchQuery[] = [
    { globs: ["["] },
    { regex: "(" },
    { larger: "big" },
    { owner: "me" },
    { owner: "" },
    { owner: ":" },
    { type: "toString" },
    { sha256: "abc" },
    { sha256: "" },
  ];
  for (const query of wrong) {
    assert.throws(
      () => compileSearch(query),
      (error) => hasCode(error, "INVALID_FLAG"),
      JSON.stringify(query),
    );
  }
});

test("search: by digest, each file is hashed once and hard links are found with it", async () => {
  const digest = "ab".repeat(32);
  const matcher = compileSearch({ sha256: `sha256:${digest.toUpperCase()}` });
  const asked: string[] = [];
  const digestOf = async (path: string): Promise<string> => {
    asked.push(path);
    return path === "usr/bin/sudo" ? digest : "00".repeat(32);
  };
  const paths: string[] = [];
  for await (const item of searchLayer(LAYER, matcher, digestOf)) paths.push(item.path);
  assert.deepEqual(paths, ["usr/bin/sudo", "usr/bin/sudoedit"]);
  assert.deepEqual(asked, ["empty", "home/me/Caf\xc3\xa9.txt", "usr/bin/sudo", "usr/bin/wall"]);
});

test("search: without a digest nothing is hashed", async () => {
  const paths: string[] = [];
  const never = async (): Promise<string> => assert.fail("hashed");
  for await (const item of searchLayer(LAYER, compileSearch({ setuid: true }), never)) paths.push(item.path);
  assert.deepEqual(paths, ["usr/bin/sudo"]);
});
