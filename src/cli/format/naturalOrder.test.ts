import assert from "node:assert/strict";
import { test } from "node:test";
import { naturalOrder } from "./naturalOrder.ts";

test("natural order: numbers by value, the rest by letters", () => {
  const names = ["net10", "bridge", "net2", "45b6", "net", "host", "net2a", "net02", "Net"];
  assert.deepEqual([...names].sort(naturalOrder), [
    "45b6",
    "Net",
    "bridge",
    "host",
    "net",
    "net2",
    "net2a",
    "net02",
    "net10",
  ]);
});
