import assert from "node:assert/strict";
import { test } from "node:test";
import { opaquePath, parseWhiteout, whiteoutPath } from "./whiteout.ts";

test("parseWhiteout: a marker hides its neighbour", () => {
  assert.deepEqual(parseWhiteout("usr/bin/.wh.sh"), { kind: "remove", path: "usr/bin/sh" });
  assert.deepEqual(parseWhiteout(".wh.etc"), { kind: "remove", path: "etc" });
  assert.deepEqual(parseWhiteout("a/.wh..hidden"), { kind: "remove", path: "a/.hidden" });
});

test("parseWhiteout: an opaque marker speaks of its directory", () => {
  assert.deepEqual(parseWhiteout("usr/.wh..wh..opq"), { kind: "opaque", path: "usr" });
  assert.deepEqual(parseWhiteout(".wh..wh..opq"), { kind: "opaque", path: "" });
});

test("parseWhiteout: AUFS bookkeeping and markers that hide no name are ignored", () => {
  for (const path of [".wh..wh.plnk", "a/.wh..wh.aufs", ".wh..wh.orph", "a/.wh.", "a/.wh..", "a/.wh..."]) {
    assert.deepEqual(parseWhiteout(path), { kind: "ignore" }, path);
  }
});

test("parseWhiteout: only the last part counts", () => {
  for (const path of ["usr/bin/sh", ".wh", "wh.x", "a.wh.b", ".wh.dir/file", ""]) {
    assert.equal(parseWhiteout(path), undefined, path);
  }
});

test("whiteoutPath and opaquePath: are read back as what they say", () => {
  for (const path of ["a", "a/b", "a/.b"]) {
    assert.deepEqual(parseWhiteout(whiteoutPath(path)), { kind: "remove", path });
    assert.deepEqual(parseWhiteout(opaquePath(path)), { kind: "opaque", path });
  }
  assert.equal(opaquePath(""), ".wh..wh..opq");
});
