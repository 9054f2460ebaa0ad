import assert from "node:assert/strict";
import { test } from "node:test";
import { baseImagesOf, baseOfLayer } from "#analysis";
import { parseDiffId } from "#oci";
import { diffIdOf } from "./analysis.testkit.test.ts";

const ids = (...numbers: readonly number[]) => numbers.map((number) => parseDiffId(diffIdOf(number)));

test("bases: images whose layers are all at the bottom, fewest first, names together", () => {
  const bases = baseImagesOf(ids(1, 2, 3, 4), [
    { name: "app:1", diffIds: ids(1, 2, 3) },
    { name: "debian:12", diffIds: ids(1) },
    { name: "debian:bookworm", diffIds: ids(1) },
    { name: "debian:12", diffIds: ids(1) },
    { name: "other", diffIds: ids(1, 9) },
    { name: "longer", diffIds: ids(1, 2, 3, 4, 5) },
    { name: "itself", diffIds: ids(1, 2, 3, 4) },
    { name: "scratch", diffIds: [] },
  ]);
  assert.deepEqual(bases, [
    { layers: 1, names: ["debian:12", "debian:bookworm"] },
    { layers: 3, names: ["app:1"] },
  ]);
  assert.deepEqual(baseOfLayer(bases, 0)?.names, ["debian:12", "debian:bookworm"]);
  assert.deepEqual(baseOfLayer(bases, 2)?.names, ["app:1"]);
  assert.equal(baseOfLayer(bases, 3), undefined);
});

test("bases: none known, none found", () => {
  assert.deepEqual(baseImagesOf(ids(1, 2), []), []);
  assert.deepEqual(baseImagesOf([], [{ name: "a", diffIds: ids(1) }]), []);
});
