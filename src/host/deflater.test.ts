import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { openGzipCompressor } from "./deflater.ts";

test("deflater: makes one gzip member, the same each time", (t) => {
  const compress = openGzipCompressor();
  if (compress === undefined) {
    t.skip("libdeflate is not installed");
    return;
  }
  for (const plain of [Buffer.alloc(0), Buffer.from("x"), Buffer.alloc(300_000, "text that repeats ")]) {
    for (const level of [1, 4, 12]) {
      const pack = (): Buffer => {
        const output = Buffer.from(new SharedArrayBuffer(4096));
        return Buffer.from(output.subarray(0, compress(plain, level, output)));
      };
      assert.deepEqual(gunzipSync(pack()), plain);
      assert.deepEqual(pack(), pack());
    }
  }
  assert.throws(() => compress(Buffer.from("x"), 99, Buffer.alloc(100)), RangeError);
  assert.throws(() => compress(Buffer.alloc(100), 0, Buffer.alloc(100)), RangeError);
});
