import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_DETACH_KEYS, DetachFilter, parseDetachKeys } from "./detachKeys.ts";

const bytes = (...list: readonly number[]): Uint8Array => Uint8Array.from(list);

test("detach keys: control letters, signs and plain letters are bytes", () => {
  assert.deepEqual(parseDetachKeys(DEFAULT_DETACH_KEYS), bytes(16, 17));
  assert.deepEqual(parseDetachKeys("ctrl-@,ctrl-[,a"), bytes(0, 27, 97));
  assert.throws(() => parseDetachKeys("ctrl-p,shift-q"), /Unknown character: 'shift-q'/);
});

test("detach keys: the sequence detaches, also when typed in two reads", () => {
  const filter = new DetachFilter(bytes(16, 17));
  assert.deepEqual(filter.push(bytes(97, 16)), { bytes: bytes(97), detached: false });
  assert.deepEqual(filter.push(bytes(17, 98)), { bytes: bytes(), detached: true });
});

test("detach keys: a start that goes on otherwise is sent after all", () => {
  const filter = new DetachFilter(bytes(16, 17));
  assert.deepEqual(filter.push(bytes(16, 97)), { bytes: bytes(16, 97), detached: false });
  assert.deepEqual(filter.push(bytes(16, 16, 17)), { bytes: bytes(16), detached: true });
});
