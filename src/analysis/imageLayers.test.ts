import assert from "node:assert/strict";
import { test } from "node:test";
import { imageLayersOf } from "#analysis";
import { parseDiffId } from "#oci";

const diffId = (digit: string): ReturnType<typeof parseDiffId> => parseDiffId(`sha256:${digit.repeat(64)}`);

test("image layers: each has the history entry that made it, empty ones counted as steps", () => {
  const layers = imageLayersOf({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [diffId("1"), diffId("2"), diffId("3")] },
    history: [{ created_by: "ADD" }, { created_by: "CMD", empty_layer: true }, { created_by: "RUN" }],
  });
  assert.deepEqual(
    layers.map(({ index, history, step }) => [index, history?.created_by, step]),
    [
      [0, "ADD", 1],
      [1, "RUN", 3],
      [2, undefined, 3],
    ],
  );
});

test("image layers: without history the step is the layer's place", () => {
  const layers = imageLayersOf(
    { architecture: "", os: "linux", rootfs: { type: "layers", diff_ids: [diffId("1")] } },
    () => ({ tarBytes: 1024 }),
  );
  assert.deepEqual(layers, [
    { index: 0, diffId: diffId("1"), blob: undefined, tarBytes: 1024, history: undefined, step: 1 },
  ]);
});
