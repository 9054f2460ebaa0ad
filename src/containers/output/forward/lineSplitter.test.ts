import assert from "node:assert/strict";
import { test } from "node:test";
import { LineSplitter } from "./lineSplitter.ts";
import type { OutputLine } from "./lineSplitter.ts";

function split(...frames: readonly (readonly ["stdout" | "stderr", string])[]): readonly OutputLine[] {
  const lines = new LineSplitter();
  return [...frames.flatMap(([stream, text]) => [...lines.push({ stream, bytes: Buffer.from(text) })]), ...lines.end()];
}

test("lines: streams are apart, a line may come in pieces or without its end", () => {
  const found = split(["stdout", "a"], ["stderr", "e\n"], ["stdout", "b\n\nc"]);
  assert.deepEqual(
    found.map(({ stream, text }) => [stream, text.toString()]),
    [
      ["stderr", "e"],
      ["stdout", "ab"],
      ["stdout", ""],
      ["stdout", "c"],
    ],
  );
  assert.ok(found.every(({ partial }) => partial === undefined));
});

test("lines: long ones are cut as dockerd cuts them, and numbered", () => {
  const found = split(["stdout", `${"x".repeat(40_000)}\ny\n`], ["stdout", `${"z".repeat(16 << 10)}\n`]);
  assert.deepEqual(
    found.map(({ text, partial }) => [text.length, partial]),
    [
      [16_384, { id: 0, ordinal: 1, last: false }],
      [16_384, { id: 0, ordinal: 2, last: false }],
      [7232, { id: 0, ordinal: 3, last: true }],
      [1, undefined],
      [16_384, undefined],
    ],
  );
});
