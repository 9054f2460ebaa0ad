import assert from "node:assert/strict";
import { test } from "node:test";
import { findSignal, parseSignal } from "./signals.ts";

test("signal: names with and without SIG, numbers, real-time ones", () => {
  for (const [text, number] of [
    ["SIGTERM", 15],
    ["term", 15],
    ["9", 9],
    ["SIGRTMIN", 34],
    ["SIGRTMIN+3", 37],
    ["RTMAX-1", 63],
  ] as const)
    assert.equal(findSignal(text), number, text);
});

test("signal: what Linux does not have is refused", () => {
  for (const text of ["FOO", "", "0", "SIGRTMIN+31", "-1"])
    assert.throws(() => parseSignal(text), { message: `invalid signal: ${text}` });
  assert.throws(() => parseSignal("65"), { message: "the linux daemon does not support signal 65" });
});
