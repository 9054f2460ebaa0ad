import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { hasCode } from "#errors";
import { PaxAttributes, formatPaxTime, parsePax, parsePaxTime, paxRecord } from "./pax.ts";

test("parsePaxTime: fractions of any length, and negative times round down", () => {
  const cases: readonly (readonly [string, number, number])[] = [
    ["0", 0, 0],
    ["1700000000", 1_700_000_000, 0],
    ["1.5", 1, 500_000_000],
    ["1.", 1, 0],
    ["1.000000001", 1, 1],
    ["1.1234567", 1, 123_456_700],
    ["1.123456789987", 1, 123_456_789],
    ["-1", -1, 0],
    ["-1.5", -2, 500_000_000],
    ["-0.5", -1, 500_000_000],
    ["-0.000000001", -1, 999_999_999],
    ["-0", 0, 0],
  ];
  for (const [text, seconds, nanoseconds] of cases)
    assert.deepEqual(parsePaxTime(text), { seconds, nanoseconds }, text);
});

test("parsePaxTime: what is no decimal time is refused", () => {
  for (const text of ["", ".5", "--1", "+1", "1e9", "1.-5", "1.5s", " 1", "9".repeat(17), "9999999999999999"]) {
    assert.throws(
      () => parsePaxTime(text),
      (error) => hasCode(error, "INVALID_TAR"),
      text,
    );
  }
});

test("formatPaxTime: is read back", () => {
  assert.equal(formatPaxTime(-2, 500_000_000), "-1.5");
  assert.equal(formatPaxTime(-1, 999_999_999), "-0.000000001");
  assert.equal(formatPaxTime(5, 0), "5");
  const time = fc.record({
    seconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  });
  fc.assert(
    fc.property(time, (value) =>
      assert.deepEqual(parsePaxTime(formatPaxTime(value.seconds, value.nanoseconds)), { ...value }),
    ),
  );
});

test("paxRecord: counts its own length", () => {
  assert.equal(paxRecord("k", Buffer.from("")).toString(), "5 k=\n");
  assert.equal(paxRecord("path", Buffer.from("abc")).toString(), "12 path=abc\n");
  for (const length of [1, 88, 89, 90, 91, 92, 986, 987, 988, 989, 990]) {
    const record = paxRecord("path", Buffer.alloc(length, "v"));
    assert.equal(Number.parseInt(record.toString(), 10), record.length);
  }
});

test("parsePax: reads back any bytes that paxRecord wrote", () => {
  const key = fc.stringMatching(/^[a-zA-Z.]{1,20}$/);
  const records = fc.array(fc.tuple(key, fc.uint8Array({ maxLength: 300 })), { maxLength: 10 });
  fc.assert(
    fc.property(records, (list) => {
      const bytes = Buffer.concat(list.map(([name, value]) => paxRecord(name, value)));
      assert.deepEqual(
        parsePax(bytes).map(({ key: name, value }) => [name, [...value]]),
        list.map(([name, value]) => [name, [...value]]),
      );
    }),
  );
});

test("PaxAttributes: own records win over globals, empty ones count as absent", () => {
  const globals = new Map([
    ["uid", Buffer.from("1")],
    ["gid", Buffer.from("2")],
  ]);
  const own = parsePax(Buffer.concat([paxRecord("uid", Buffer.from("3")), paxRecord("gid", Buffer.from(""))]));
  const attributes = new PaxAttributes(globals, own);
  assert.equal(attributes.text("uid"), "3");
  assert.equal(attributes.text("gid"), undefined);
  assert.equal(attributes.text("size"), undefined);
  assert.equal(attributes.xattrs(), undefined);
});
