import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSize, parseSize, SizeProblem, toFixedEven } from "./humanize.ts";

test("formatSize: as go-humanize writes", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0 B"],
    [9, "9 B"],
    [10, "10 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [6405, "6.4 kB"],
    [12_810, "13 kB"],
    [12_500, "12 kB"],
    [13_500, "14 kB"],
    [9_999, "10 kB"],
    [999_999, "1000 kB"],
    [1_220_598, "1.2 MB"],
    [82_854_982, "83 MB"],
    [1_100_000_000, "1.1 GB"],
    [5e15, "5.0 PB"],
  ];
  for (const [bytes, text] of cases) assert.equal(formatSize(bytes), text);
});

test("parseSize: decimal and binary units, any case, commas", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["42", 42],
    ["42b", 42],
    ["42MB", 42_000_000],
    ["42 mib", 44_040_192],
    ["20Mb", 20_000_000],
    ["1.5 KiB", 1536],
    ["1k", 1000],
    ["1ki", 1024],
    ["1,005.03 MB", 1_005_030_000],
    [".5GB", 500_000_000],
    ["12.", 12],
  ];
  for (const [text, bytes] of cases) assert.equal(parseSize(text), bytes, text);
});

test("parseSize: says what is wrong in go-humanize's words", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["not_a_size", 'strconv.ParseFloat: parsing "": invalid syntax'],
    ["1.2.3MB", 'strconv.ParseFloat: parsing "1.2.3": invalid syntax'],
    ["-5MB", 'strconv.ParseFloat: parsing "": invalid syntax'],
    ["5 bananas", "unhandled size name: bananas"],
    ["5ib", "unhandled size name: ib"],
    ["20EB", "too large: 20EB"],
  ];
  for (const [text, message] of cases) {
    const problem = parseSize(text);
    assert.ok(problem instanceof SizeProblem, text);
    assert.equal(problem.message, message);
  }
});

test("toFixedEven: what lies between two goes to the even one", () => {
  assert.equal(toFixedEven(12.5, 0), "12");
  assert.equal(toFixedEven(13.5, 0), "14");
  assert.equal(toFixedEven(0.125, 2), "0.12");
  assert.equal(toFixedEven(0.375, 2), "0.38");
  assert.equal(toFixedEven(1.005, 2), "1.00");
  assert.equal(toFixedEven(71.978, 2), "71.98");
});
