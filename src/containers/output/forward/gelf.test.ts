import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync, inflateSync } from "node:zlib";
import { chunksOf, compressMessage, gelfMessage } from "./gelfMessage.ts";
import { parseGelfOptions } from "./gelfOptions.ts";

test("gelf: options as dockerd reads them", () => {
  assert.deepEqual(parseGelfOptions({ "gelf-address": "udp://[::1]:12201" }), {
    scheme: "udp",
    host: "::1",
    port: "12201",
    compression: "gzip",
    level: 1,
    patienceMs: 3000,
  });
  const own = { "gelf-tcp-max-reconnect": "2", "gelf-tcp-reconnect-delay": "5" };
  assert.equal(parseGelfOptions({ "gelf-address": "tcp://h:1", ...own }).patienceMs, 10_000);
});

for (const [options, message] of [
  [{}, "gelf-address is a required parameter"],
  [{ "gelf-address": "ud://x" }, "gelf: endpoint needs to be TCP or UDP"],
  [{ "gelf-address": "udp://x" }, "gelf: please provide gelf-address as proto://host:port"],
  [{ "gelf-address": "tcp://x:1", "gelf-compression-type": "gzip" }, "compression is only supported on UDP"],
  [
    { "gelf-address": "udp://x:1", "gelf-compression-type": "x" },
    'unknown value "x" for log opt "gelf-compression-type" for gelf log driver',
  ],
  [
    { "gelf-address": "udp://x:1", "gelf-compression-level": "10" },
    'unknown value "10" for log opt "gelf-compression-level" for gelf log driver',
  ],
  [{ "gelf-address": "udp://x:1", "gelf-tcp-max-reconnect": "1" }, '"gelf-tcp-max-reconnect" is only valid for TCP'],
  [
    { "gelf-address": "tcp://x:1", "gelf-tcp-reconnect-delay": "-1" },
    '"gelf-tcp-reconnect-delay" must be a positive integer',
  ],
] as const) {
  test(`gelf: ${JSON.stringify(options)} is refused in dockerd's words`, () => {
    assert.throws(() => parseGelfOptions(options), { message });
  });
}

test("gelf: a message in Go's JSON", () => {
  const line = { stream: "stderr", text: Buffer.from('é"<') } as const;
  assert.equal(
    gelfMessage("vm", '"_tag":"t"}', line, new Date(1_795_621_966_485)).toString(),
    '{"version":"1.1","host":"vm","short_message":"é\\"\\u003c","timestamp":1795621966.485,"level":3,"_tag":"t"}',
  );
});

test("gelf: compressed as asked for, in chunks of a datagram", () => {
  const message = Buffer.from("x".repeat(3000));
  assert.deepEqual(gunzipSync(compressMessage(message, { compression: "gzip", level: 1 })), message);
  assert.deepEqual(inflateSync(compressMessage(message, { compression: "zlib", level: -1 })), message);
  assert.equal(compressMessage(message, { compression: "none", level: 1 }), message);
  const chunks = chunksOf(message);
  assert.deepEqual(
    chunks.map((chunk) => [chunk.subarray(0, 2).toString("hex"), chunk[10], chunk[11], chunk.length]),
    [
      ["1e0f", 0, 3, 1420],
      ["1e0f", 1, 3, 1420],
      ["1e0f", 2, 3, 196],
    ],
  );
  assert.deepEqual(Buffer.concat(chunks.map((chunk) => chunk.subarray(12))), message);
  assert.deepEqual(chunksOf(Buffer.alloc(1408 * 128 + 1)), []);
});
