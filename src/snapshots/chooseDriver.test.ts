import assert from "node:assert/strict";
import { test } from "node:test";
import { findEngineError, hasCode } from "#errors";
import { parseStorageDriver } from "./chooseDriver.ts";

test("parseStorageDriver: knows the four drivers", () => {
  for (const name of ["erofs", "erofs-file", "erofs-loop", "overlay2"]) assert.equal(parseStorageDriver(name), name);
});

test("parseStorageDriver: refuses others in dockerd's words and names ours", () => {
  for (const name of ["", "btrfs", "Overlay2", "zfs"]) {
    assert.throws(
      () => parseStorageDriver(name),
      (error) =>
        hasCode(error, "INVALID_FLAG") &&
        findEngineError(error)?.message === `driver not supported: ${name}` &&
        findEngineError(error)?.hint?.includes("overlay2") === true,
    );
  }
});
