import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openInflater } from "./inflater.ts";
import type { Inflater } from "./inflater.ts";

function open(): Inflater {
  const inflater = openInflater();
  assert.ok(inflater, "libisal2 is installed by tools/setup.sh");
  return inflater;
}

function inflateAll(
  inflater: Inflater,
  packed: Uint8Array,
  step: { readonly input: number; readonly output: number },
): Buffer {
  const out: Buffer[] = [];
  let at = 0;
  let ended = false;
  while (at < packed.byteLength || !ended) {
    const output = Buffer.alloc(step.output);
    const input = packed.subarray(at, at + step.input);
    const done = inflater.inflate(input, output);
    if (done.consumed === 0 && done.produced === 0) break;
    at += done.consumed;
    ended = done.ended;
    out.push(output.subarray(0, done.produced));
    if (ended && at < packed.byteLength) inflater.reset();
  }
  assert.ok(ended, "the stream came to its end");
  return Buffer.concat(out);
}

const plain = Buffer.from(Array.from({ length: 60_000 }, (_, index) => `${(index * 7919) % 10_007},`).join(""));

test("inflater: gives what zlib packed, whatever the sizes of the pieces", () => {
  for (const step of [
    { input: 1 << 20, output: 1 << 20 },
    { input: 1000, output: 777 },
    { input: 7, output: 4096 },
  ]) {
    assert.ok(inflateAll(open(), gzipSync(plain), step).equals(plain));
  }
});

test("inflater: reads member after member when reset between them", () => {
  const packed = Buffer.concat([gzipSync(plain), gzipSync("second")]);
  assert.ok(
    inflateAll(open(), packed, { input: 4096, output: 4096 }).equals(Buffer.concat([plain, Buffer.from("second")])),
  );
});

test("inflater: refuses damaged data and a wrong checksum", () => {
  const damaged = gzipSync(plain);
  damaged.fill(0xff, 40, 60);
  assert.throws(() => inflateAll(open(), damaged, { input: 1 << 20, output: 1 << 20 }), /invalid gzip data/);
  const wrong = gzipSync(plain);
  wrong[wrong.length - 6] = (wrong[wrong.length - 6] ?? 0) ^ 1;
  assert.throws(() => inflateAll(open(), wrong, { input: 1 << 20, output: 1 << 20 }), /invalid gzip data/);
});
