import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration, parseTimestamp } from "./until.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const local = (...parts: [number, number, number, number?, number?, number?]): number => {
  const [year, month, day, ...time] = parts;
  return new Date(year, month - 1, day, ...time).getTime();
};

const TIMES: readonly (readonly [text: string, time: number])[] = [
  ["24h", NOW - 86_400_000],
  ["1h30m", NOW - 5_400_000],
  ["1.5s", NOW - 1500],
  ["-10m", NOW + 600_000],
  ["1136073845", 1_136_073_845_000],
  ["1136073845.5", 1_136_073_845_500],
  ["0", 0],
  ["2026-01-02", local(2026, 1, 2)],
  ["2026-01-02T15", local(2026, 1, 2, 15)],
  ["2026-01-02T15:04", local(2026, 1, 2, 15, 4)],
  ["2026-01-02T15:04:05", local(2026, 1, 2, 15, 4, 5)],
  ["2026-01-02T15:04:05Z", Date.UTC(2026, 0, 2, 15, 4, 5)],
  ["2026-01-02T15:04Z", Date.UTC(2026, 0, 2, 15, 4)],
  ["2026-01-02T15:04:05.250Z", Date.UTC(2026, 0, 2, 15, 4, 5, 250)],
  ["2026-01-02T15:04:05+02:00", Date.UTC(2026, 0, 2, 13, 4, 5)],
  ["2026-01-02Z", Date.UTC(2026, 0, 2)],
];

for (const [text, time] of TIMES) {
  test(`parseTimestamp: ${text}`, () => assert.equal(parseTimestamp(text, NOW), time));
}

for (const [text, message] of [
  ["foo", 'failed to parse value as time or duration: "foo"'],
  ["2026-13-01", 'parsing time "2026-13-01": month out of range'],
  ["2026-02-30", 'parsing time "2026-02-30": day out of range'],
  ["2026-02-28T25", 'parsing time "2026-02-28T25": hour out of range'],
] as const) {
  test(`parseTimestamp: refuses ${text} with dockerd's words`, () => {
    assert.throws(() => parseTimestamp(text, NOW), { message, category: "invalid_argument" });
  });
}

test("parseDuration: takes every unit of Go and nothing else", () => {
  assert.equal(parseDuration("1h1m1s1ms1us1ns"), 3_661_001.001_001);
  assert.equal(parseDuration(".5h"), 1_800_000);
  for (const text of ["", "1", "h", "1d", "1h x", "1hm"]) assert.equal(parseDuration(text), undefined, text);
});
