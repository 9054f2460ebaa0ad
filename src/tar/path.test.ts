import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "#errors";
import { baseNameOf, cleanTarPath, fromDisplayPath, parentOf, toDisplayPath } from "./path.ts";

test("cleanTarPath: leading, trailing and doubled slashes and dots vanish", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["usr/bin/env", "usr/bin/env"],
    ["/usr/bin", "usr/bin"],
    ["./usr//bin/", "usr/bin"],
    ["usr/./bin/.", "usr/bin"],
    ["", ""],
    [".", ""],
    ["./", ""],
    ["/", ""],
    ["///", ""],
    ["..data/...", "..data/..."],
    ["a/.hidden", "a/.hidden"],
    ["caf\xe9/\xff", "caf\xe9/\xff"],
  ];
  for (const [path, clean] of cases) assert.equal(cleanTarPath(path), clean, path);
});

test("cleanTarPath: a part '..' anywhere is refused by name", () => {
  for (const path of ["..", "../x", "a/../b", "a/..", "/..", "./../etc/passwd"]) {
    assert.throws(
      () => cleanTarPath(path),
      (error) => hasCode(error, "PATH_ESCAPE") && String(error).includes(JSON.stringify(path)),
    );
  }
});

test("toDisplayPath: UTF-8 becomes text, other bytes stay latin1", () => {
  assert.equal(toDisplayPath("caf\xc3\xa9"), "café");
  assert.equal(toDisplayPath("caf\xe9"), "café");
  assert.equal(toDisplayPath("\xff"), "\xff");
  assert.equal(toDisplayPath("\xef\xbf\xbd"), "\uFFFD");
});

test("fromDisplayPath: gives one character a byte", () => {
  assert.equal(fromDisplayPath("café"), "caf\xc3\xa9");
  assert.equal(toDisplayPath(fromDisplayPath("日本/ü")), "日本/ü");
});

test("parentOf and baseNameOf: split at the last slash", () => {
  assert.deepEqual([parentOf("a/b/c"), baseNameOf("a/b/c")], ["a/b", "c"]);
  assert.deepEqual([parentOf("a"), baseNameOf("a")], ["", "a"]);
  assert.deepEqual([parentOf(""), baseNameOf("")], ["", ""]);
});
