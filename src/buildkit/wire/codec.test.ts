import assert from "node:assert/strict";
import { test } from "node:test";
import { isInvalidArgument } from "#errors";
import { decode } from "./decode.ts";
import { encode } from "./encode.ts";
import { SCHEMA } from "./schema.ts";
import { isMessageName, tableOf } from "./table.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

test("codec: bytes are protobuf's for each kind of field", () => {
  assert.equal(encode("Timestamp", { seconds: 150n, nanos: 1 }).toString("hex"), "0896011001");
  assert.equal(encode("Cap", { id: "testing", enabled: true }).toString("hex"), "0a0774657374696e671001");
  assert.equal(encode("Exporter", { type: "a", attrs: { k: "v" } }).toString("hex"), "0a016112060a016b120176");
  assert.equal(encode("StatusResponse", { vertexes: [{ digest: "d" }, {}] }).toString("hex"), "0a030a01640a00");
});

test("codec: defaults are left out, members of lists are not", () => {
  assert.equal(encode("Packet", { type: 0, id: 0, data: Buffer.alloc(0) }).length, 0);
  assert.equal(encode("DiskUsageRequest", { filter: [""] }).toString("hex"), "0a00");
  assert.deepEqual(decode("DiskUsageRequest", hex("0a00")).filter, [""]);
});

test("codec: numbers keep 64 bits, negative ones too", () => {
  for (const modTime of [
    0n,
    -1n,
    -6_795_364_578_871_345_152n,
    1_764_000_000_123_456_789n,
    2n ** 63n - 1n,
    -(2n ** 63n),
  ])
    assert.equal(decode("Stat", encode("Stat", { modTime })).modTime, modTime);
  for (const mode of [0o644, 0x8000_01ed, 0xffff_ffff])
    assert.equal(decode("Stat", encode("Stat", { mode })).mode, mode);
  assert.equal(decode("VertexStatus", encode("VertexStatus", { current: 2 ** 52 })).current, 2 ** 52);
});

test("codec: every message survives a round trip", () => {
  const sample = { string: "ä/b", bytes: Buffer.from([0, 255]), bool: true, int: 300, int64: -7n };
  for (const name of Object.keys(SCHEMA)) {
    assert.ok(isMessageName(name));
    const scalars = tableOf(name).fields.filter(({ scalar }) => scalar !== undefined);
    const value = Object.fromEntries(
      scalars.map(({ name: field, rule, scalar }) => {
        const one = sample[scalar ?? "string"];
        return [field, rule === "repeated" ? [one, one] : rule === "map" ? { k: one } : one];
      }),
    );
    const back = decode(name, encode(name, value));
    for (const [field, expected] of Object.entries(value))
      assert.deepEqual(
        JSON.stringify(Reflect.get(back, field), plain),
        JSON.stringify(expected, plain),
        `${name}.${field}`,
      );
  }
});

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

test("codec: unknown fields and fields of another wire type are skipped", () => {
  const strange = hex("f8 01 05  fa 01 02 6161  f9 01 0000000000000000  fd 01 00000000  10 01  0a 01 78");
  assert.deepEqual({ ...decode("Cap", strange) }, { id: "x", enabled: true });
  assert.equal(decode("Cap", hex("08 05")).id, "");
});

test("codec: of a field that comes twice the last counts", () => {
  assert.equal(decode("Cap", hex("10 01 10 00")).enabled, false);
});

test("codec: a key named __proto__ is a key", () => {
  const { attrs } = decode("Exporter", encode("Exporter", { attrs: Object.fromEntries([["__proto__", "x"]]) }));
  assert.deepEqual(Object.entries(attrs), [["__proto__", "x"]]);
  assert.equal(Object.getPrototypeOf(attrs), null);
});

const HOSTILE: Readonly<Record<string, Buffer>> = {
  "a length beyond the end": hex("0a 05 61"),
  "a length of 2^63": hex("0a ffffffffffffffff7f"),
  "a varint without end": hex("10 ffffffffffffffffffffff"),
  "a varint that is cut": hex("10 80"),
  "field number 0": hex("00 00"),
  "a group": hex("0b"),
  "wire type 7": hex("0f"),
  "a fixed64 that is cut": hex("f9 01 0000"),
};

for (const [what, bytes] of Object.entries(HOSTILE))
  test(`codec: ${what} is refused`, () => {
    assert.throws(() => decode("Cap", bytes), isInvalidArgument);
  });

test("codec: millions of empty messages in a few megabytes are refused", () => {
  const bytes = Buffer.alloc(4 << 20);
  for (let at = 0; at < bytes.length; at += 2) bytes[at] = 0x0a;
  assert.throws(() => decode("StatusResponse", bytes), isInvalidArgument);
});

test("codec: random bytes give a message or a refusal, nothing else", () => {
  let seed = 7;
  const next = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31);
  for (let round = 0; round < 3000; round += 1) {
    const bytes = Buffer.from(Array.from({ length: next() % 40 }, () => (next() >> 8) & 255));
    try {
      decode("SolveRequest", bytes);
    } catch (error) {
      assert.ok(isInvalidArgument(error), `${bytes.toString("hex")}: ${String(error)}`);
    }
  }
});
