import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "#errors";
import { ImageWindow } from "./imageWindow.ts";

const FILE = Buffer.from(Uint8Array.from({ length: 4_000_000 }, (_, index) => (index * 7919) >> 3));
const damaged = (error: unknown): boolean => hasCode(error, "INVALID_EROFS");

function counted(bytes: Buffer): { readonly reads: number[]; read(offset: number, length: number): Uint8Array } {
  const reads: number[] = [];
  return {
    reads,
    read(offset, length) {
      reads.push(offset);
      return bytes.subarray(offset, offset + length);
    },
  };
}

test("image window: any range comes back, across windows too", () => {
  const window = new ImageWindow(counted(FILE), 5120, FILE.length);
  for (const [offset, length] of [
    [5120, 0],
    [5120, 64],
    [37_880, 20],
    [37_888, 1],
    [40_000, 300_000],
    [3_999_999, 1],
  ] as const) {
    assert.ok(window.read(offset, length).equals(FILE.subarray(offset, offset + length)), `${offset} ${length}`);
  }
});

test("image window: neighbours are read once, and what was not used for long is read again", () => {
  const source = counted(FILE);
  const window = new ImageWindow(source, 0, FILE.length);
  for (let at = 0; at < 32_768; at += 64) window.read(at, 64);
  assert.deepEqual(source.reads, [0]);
  for (let index = 0; index < 100; index += 1) window.read(index * 32_768, 1);
  assert.equal(source.reads.length, 100);
  window.read(99 * 32_768, 1);
  assert.equal(source.reads.length, 100);
  window.read(0, 1);
  assert.equal(source.reads.length, 101);
});

test("image window: a source may use its buffer again", () => {
  const shared = Buffer.alloc(32_768);
  const window = new ImageWindow(
    { read: (offset, length) => (FILE.copy(shared, 0, offset, offset + length), shared.subarray(0, length)) },
    0,
    65_536,
  );
  const first = window.read(0, 16);
  window.read(40_000, 16);
  assert.ok(first.equals(FILE.subarray(0, 16)));
});

test("image window: ranges outside are refused without a read", () => {
  const source = counted(FILE);
  const window = new ImageWindow(source, 4096, 8192);
  for (const [offset, length] of [
    [4095, 1],
    [8192, 1],
    [8000, 200],
    [-1, 1],
    [Number.NaN, 1],
    [2 ** 60, 64],
    [5000, Infinity],
  ] as const) {
    assert.throws(() => window.read(offset, length), damaged, `${offset} ${length}`);
  }
  assert.deepEqual(source.reads, []);
});

test("image window: a file that ends too early is refused", () => {
  const window = new ImageWindow(counted(FILE.subarray(0, 5000)), 4096, 8192);
  assert.throws(() => window.read(4096, 10), damaged);
});
