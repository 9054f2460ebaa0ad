import assert from "node:assert/strict";
import { test } from "node:test";
import { binarySize, ellipsis, humanDuration, humanSize, rfc3339Nano, shortId } from "./units.ts";

test("units: sizes have go-units' digits and words", () => {
  const exact: readonly (readonly [number, string, string])[] = [
    [0, "0B", "0B"],
    [3, "3B", "3B"],
    [999, "999B", "999B"],
    [1000, "1kB", "1kB"],
    [10_322, "10.3kB", "10.32kB"],
    [164_024_401, "164MB", "164MB"],
    [264_202_541, "264MB", "264.2MB"],
    [1_085_225_327, "1.09GB", "1.085GB"],
    [1_500_000_000_000, "1.5TB", "1.5TB"],
    // go-units prints an exponent here too: %.3g of 999.9.
    [999_900, "1e+03kB", "999.9kB"],
  ];
  for (const [bytes, list, long] of exact) {
    assert.equal(humanSize(bytes, 3), list);
    assert.equal(humanSize(bytes), long);
  }
  assert.equal(binarySize(25_275_916_288), "23.54GiB");
});

test("units: durations have go-units' steps", () => {
  const second = 1000;
  const minute = 60 * second;
  const hour = 60 * minute;
  const day = 24 * hour;
  const cases: readonly (readonly [number, string])[] = [
    [0, "Less than a second"],
    [second, "1 second"],
    [59 * second, "59 seconds"],
    [minute, "About a minute"],
    [2 * minute, "2 minutes"],
    [59 * minute, "59 minutes"],
    [60 * minute, "About an hour"],
    [89 * minute, "About an hour"],
    [90 * minute, "2 hours"],
    [47 * hour, "47 hours"],
    [2 * day, "2 days"],
    [14 * day, "2 weeks"],
    [60 * day, "2 months"],
    [729 * day, "24 months"],
    [731 * day, "2 years"],
  ];
  for (const [ms, text] of cases) assert.equal(humanDuration(ms), text);
});

test("units: text is cut with an ellipsis of one character", () => {
  assert.equal(ellipsis("abcdef", 6), "abcdef");
  assert.equal(ellipsis("abcdefg", 6), "abcde…");
  assert.equal(ellipsis("äöüäöü", 3), "äö…");
  assert.equal(ellipsis("abc", 1), "a");
});

test("units: an ID is shown by twelve characters, with or without algorithm", () => {
  assert.equal(shortId("sha256:5bb9e0d346abec53ac05"), "5bb9e0d346ab");
  assert.equal(shortId("5bb9e0d346abec53ac05"), "5bb9e0d346ab");
  assert.equal(shortId("<missing>"), "<missing>");
});

test("units: nanoseconds survive", () => {
  assert.match(rfc3339Nano(1_795_236_534_346_261_629n), /^2026-11-2\dT\d\d:\d\d:54\.346261629(Z|[+-]\d\d:\d\d)$/);
});
