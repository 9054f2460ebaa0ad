import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProgressMessage } from "#engineapi";
import { digestOf } from "#oci";
import { layerProgress, shortId } from "./layerProgress.ts";

test("layerProgress: states are always told, bytes at most ten times a second, the whole always", () => {
  const told: ProgressMessage[] = [];
  const bar = layerProgress((message) => told.push(message), "41b90b82a14c");
  bar.status("Pulling fs layer");
  for (let current = 1; current <= 1000; current += 1) bar.bytes("Downloading", current, 1000);
  bar.status("Download complete");
  const id = "41b90b82a14c";
  assert.deepEqual(told[0], { status: "Pulling fs layer", progressDetail: {}, id });
  assert.deepEqual(told[1], { status: "Downloading", progressDetail: { current: 1, total: 1000 }, id });
  assert.deepEqual(told.at(-2), { status: "Downloading", progressDetail: { current: 1000, total: 1000 }, id });
  assert.deepEqual(told.at(-1), { status: "Download complete", progressDetail: {}, id });
  assert.ok(told.length < 100);
});

test("shortId: twelve hex digits", () => {
  assert.match(shortId(digestOf("x")), /^[0-9a-f]{12}$/);
});
