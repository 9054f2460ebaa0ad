import assert from "node:assert/strict";
import { join, normalize } from "node:path";
import { test } from "node:test";
import { assert as assertProperty, property, string } from "fast-check";
import { anonymousName, checkVolumeName, isVolumeName } from "./volumeName.ts";

test("volume name: Docker's words for what is none", () => {
  const long = "If you intended to pass a host directory, use absolute path";
  assert.throws(() => checkVolumeName("a"), {
    category: "invalid_argument",
    message: "create a: volume name is too short, names should be at least two alphanumeric characters",
  });
  assert.throws(() => checkVolumeName("../x"), {
    message: `create ../x: "../x" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. ${long}`,
  });
  for (const name of ["", ".", "..", ".a", "-a", "a/b", "a\0b", "a\n", "é1", "x".repeat(256)]) {
    assert.equal(isVolumeName(name), false, JSON.stringify(name));
    assert.throws(() => checkVolumeName(name));
  }
});

test("volume name: what passes is one part of a path", () => {
  assertProperty(
    property(string(), (name) => {
      if (!isVolumeName(name)) return;
      assert.equal(normalize(join("/volumes", name)), `/volumes/${name}`);
    }),
  );
  assert.equal(isVolumeName(anonymousName()), true);
  assert.notEqual(anonymousName(), anonymousName());
});
