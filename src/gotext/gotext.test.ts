import assert from "node:assert/strict";
import { test } from "node:test";
import { goQuote, notABoolean, parseGoBoolean, parseGoDuration } from "#gotext";

test("goQuote: what Go's %q prints", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", '""'],
    ['say "a\\b"', '"say \\"a\\\\b\\""'],
    ["\u0007\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'],
    ["\u0000\u001b\u007f", '"\\x00\\x1b\\x7f"'],
    ["é日🙂", '"é日🙂"'],
    ["\u00a0\u0085\u200b\u2028", '"\\u00a0\\u0085\\u200b\\u2028"'],
  ];
  for (const [text, quoted] of cases) assert.equal(goQuote(text), quoted);
});

test("parseGoBoolean: the twelve words of strconv.ParseBool", () => {
  for (const text of ["1", "t", "T", "true", "TRUE", "True"]) assert.equal(parseGoBoolean(text), true, text);
  for (const text of ["0", "f", "F", "false", "FALSE", "False"]) assert.equal(parseGoBoolean(text), false, text);
  for (const text of ["", "yes", "tRUE", " 1", "toString"]) assert.equal(parseGoBoolean(text), undefined, text);
  assert.equal(notABoolean('"'), 'strconv.ParseBool: parsing "\\"": invalid syntax');
});

test("parseGoDuration: nanoseconds", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["+5s", 5e9],
    ["-1.5h", -5400e9],
    [".5m", 30e9],
    ["1.s", 1e9],
    ["1h1m1s1ms1us1ns", 3_661_001_001_001],
    ["7µs", 7000],
    ["7μs", 7000],
    ["1.9ns", 1],
  ];
  for (const [text, nanoseconds] of cases) assert.equal(parseGoDuration(text), nanoseconds, text);
});

test("parseGoDuration: Go's words for the rest", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", 'time: invalid duration ""'],
    ["-", 'time: invalid duration "-"'],
    [".s", 'time: invalid duration ".s"'],
    ["1", 'time: missing unit in duration "1"'],
    ["1h2", 'time: missing unit in duration "1h2"'],
    ["1d", 'time: unknown unit "d" in duration "1d"'],
    ["1h x", 'time: unknown unit "h x" in duration "1h x"'],
  ];
  for (const [text, words] of cases) assert.equal(parseGoDuration(text), words, text);
});
