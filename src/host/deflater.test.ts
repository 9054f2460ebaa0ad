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
      const packed = compress(plain, level);
      assert.deepEqual(gunzipSync(packed), plain);
      assert.deepEqual(compress(plain, level), packed);
    }
  }
  assert.throws(() => compress(Buffer.from("x"), 99), RangeError);
});
