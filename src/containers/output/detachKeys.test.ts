import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_DETACH_KEYS, DetachScanner, parseDetachKeys } from "./detachKeys.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

test("detach keys: names and letters", () => {
  assert.deepEqual([...parseDetachKeys("ctrl-a,b")], [1, 98]);
  assert.deepEqual([...parseDetachKeys("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_")], [0, 27, 28, 29, 30, 31]);
  assert.deepEqual(parseDetachKeys(""), DEFAULT_DETACH_KEYS);
});

test("detach keys: others are refused in Docker's words", () => {
  for (const keys of ["foo-bar", "ctrl-", "ctrl-1", "a,,b", "é"]) {
    assert.throws(() => parseDetachKeys(keys), { message: `Invalid escape keys (${keys}) provided` });
  }
});

test("detach scanner: the sequence is found across chunks and not passed on", () => {
  const scanner = new DetachScanner(DEFAULT_DETACH_KEYS);
  assert.equal(text(scanner.scan(Buffer.from("ab\x10")).pass), "ab");
  assert.deepEqual(scanner.scan(Buffer.from("\x11cd")), { pass: new Uint8Array(), detached: true });
});

test("detach scanner: a sequence that breaks off is passed on whole", () => {
  const scanner = new DetachScanner(DEFAULT_DETACH_KEYS);
  assert.equal(text(scanner.scan(Buffer.from("\x10")).pass), "");
  assert.equal(text(scanner.scan(Buffer.from("x\x10\x10")).pass), "\x10x\x10");
  assert.equal(scanner.scan(Buffer.from("\x11")).detached, true);
});

test("detach scanner: without keys everything passes", () => {
  assert.equal(text(new DetachScanner(new Uint8Array()).scan(Buffer.from("\x10\x11")).pass), "\x10\x11");
});
