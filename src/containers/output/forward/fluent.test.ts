import assert from "node:assert/strict";
import { test } from "node:test";
import { fluentMessage } from "./fluentMessage.ts";
import { parseFluentOptions } from "./fluentOptions.ts";
import { BufferedSink, patientSink } from "./patientSink.ts";

test("fluentd: options as dockerd reads them", () => {
  assert.deepEqual(parseFluentOptions({}), {
    address: { scheme: "tcp", host: "127.0.0.1", port: "24224" },
    async: false,
    bufferedLines: 1_048_576,
    patienceMs: 1000 * (2 ** 31 - 1),
    subSecond: false,
    acknowledged: false,
  });
  const address = (text: string): unknown => parseFluentOptions({ "fluentd-address": text }).address;
  assert.deepEqual(address("h:1"), { scheme: "tcp", host: "h", port: "1" });
  assert.deepEqual(address("tls://h"), { scheme: "tls", host: "h", port: "24224" });
  assert.deepEqual(address("unix:///run/f.sock"), { scheme: "unix", path: "/run/f.sock" });
  const waits = { "fluentd-retry-wait": "1m1.5s", "fluentd-max-retries": "2" };
  assert.equal(parseFluentOptions(waits).patienceMs, 123_000);
});

for (const [name, value, message] of [
  ["address", "x://y", "invalid fluentd-address (x://y): unsupported scheme: 'x'"],
  [
    "address",
    "y:70000",
    'invalid fluentd-address (y:70000): invalid port: strconv.ParseUint: parsing "70000": value out of range',
  ],
  ["address", "y:x", 'invalid fluentd-address (y:x): parse "tcp://y:x": invalid port ":x" after host'],
  ["address", "tcp://y/z", "invalid fluentd-address (tcp://y/z): should not contain a path element"],
  ["address", "unix:///", "invalid fluentd-address (unix:///): path is empty"],
  ["async", "x", 'strconv.ParseBool: parsing "x": invalid syntax'],
  ["buffer-limit", "x", "invalid size: 'x'"],
  ["retry-wait", "x", 'time: invalid duration "x"'],
  ["max-retries", "x", 'strconv.ParseUint: parsing "x": invalid syntax'],
  [
    "async-reconnect-interval",
    "1ms",
    'invalid value for fluentd-async-reconnect-interval: value ("1ms") must be between 100ms and 10s',
  ],
  ["async-reconnect-interval", "x", 'invalid value for fluentd-async-reconnect-interval: time: invalid duration "x"'],
] as const) {
  test(`fluentd: ${name}=${value} is refused in dockerd's words`, () => {
    assert.throws(() => parseFluentOptions({ [`fluentd-${name}`]: value }), { message });
  });
}

const SOURCE = {
  tag: "50fe5ab625af",
  fields: new Map([["container_name", "/c"]]),
  subSecond: false,
  acknowledged: false,
  id: "50fe5ab625af633033c5",
};
const LINE = { stream: "stdout", text: Buffer.from("hi") } as const;

test("fluentd: a message of the forward protocol, as dockerd sends it", () => {
  const { bytes, chunk } = fluentMessage(SOURCE, LINE, 0x6b070451 * 1000);
  assert.equal(
    bytes.toString("latin1"),
    "\x94\xac50fe5ab625af\xd2k\x07\x04Q\x83\xa6source\xa6stdout\xa3log\xa2hi\xaecontainer_name\xa2/c\x80",
  );
  assert.equal(chunk, undefined);
  const exact = fluentMessage({ ...SOURCE, subSecond: true }, LINE, 1_795_621_971_200).bytes;
  assert.equal(exact.subarray(14, 24).toString("hex"), "d7006b0704530bebc200");
  const acknowledged = fluentMessage({ ...SOURCE, acknowledged: true }, LINE, 0);
  assert.ok(acknowledged.bytes.toString("latin1").endsWith(`\x81\xa5chunk\xb8${acknowledged.chunk}`));
});

test("fluentd: long texts, pieces of long lines", () => {
  const partial = { id: 3, ordinal: 1, last: false } as const;
  const { bytes } = fluentMessage(SOURCE, { ...LINE, text: Buffer.alloc(16_384, "x"), partial }, 0);
  const text = bytes.toString("latin1");
  assert.ok(text.includes(`\xa3log\xda@\x00${"x".repeat(16_384)}\xae`));
  assert.ok(text.includes("\xafpartial_message\xa4true\xaapartial_id\xae50fe5ab625af-3\xafpartial_ordinal\xa11"));
});

test("receivers that come late: waited for once, or lines are kept for them in order", async () => {
  const taken: string[] = [];
  let isThere = false;
  const inner = {
    send: async (message: Buffer) => {
      if (isThere) taken.push(message.toString());
      return isThere;
    },
    [Symbol.dispose]: () => undefined,
  };
  const patient = patientSink(inner, 0);
  assert.equal(await patient.send(Buffer.from("lost")), false);
  const kept = new BufferedSink(inner, 2);
  assert.equal(await kept.send(Buffer.from("a")), true);
  assert.equal(await kept.send(Buffer.from("b")), true);
  assert.equal(await kept.send(Buffer.from("too many")), false);
  isThere = true;
  while (taken.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await patient.send(Buffer.from("c")), true);
  assert.deepEqual(taken, ["a", "b", "c"]);
  kept[Symbol.dispose]();
});
