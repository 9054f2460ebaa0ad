import assert from "node:assert/strict";
import { test } from "node:test";
import { OutputClip } from "./outputClip.ts";

const KIB = 1024;
const NOTE_SPEED = "\n[output clipped, log limit 200KiB/s reached]\n";
const NOTE_SIZE = "\n[output clipped, log limit 2MiB reached]\n";

function clipAt(): { readonly clip: OutputClip; readonly clock: { ms: number } } {
  const clock = { ms: 0 };
  const clip = new OutputClip(() => clock.ms);
  clock.ms = 1;
  return { clip, clock };
}

test("output clip: what is within the limits is untouched", () => {
  const { clip } = clipAt();
  assert.deepEqual(Buffer.from(clip.take(Buffer.from("abc"))), Buffer.from("abc"));
});

test("output clip: too much in a second is cut and said once, then goes on", () => {
  const { clip, clock } = clipAt();
  const first = Buffer.from(clip.take(Buffer.alloc(201 * KIB, "a"))).toString();
  assert.equal(first, "a".repeat(200 * KIB) + NOTE_SPEED);
  assert.equal(clip.take(Buffer.from("more")).length, 0);
  clock.ms = 1500;
  assert.equal(Buffer.from(clip.take(Buffer.from("later"))).toString(), "later");
});

test("output clip: too much in all is cut for good", () => {
  const { clip, clock } = clipAt();
  clock.ms = 60_000;
  const text = Buffer.from(clip.take(Buffer.alloc((2 << 20) + 1, "a"))).toString();
  assert.equal(text.length, (2 << 20) + NOTE_SIZE.length);
  assert.ok(text.endsWith(NOTE_SIZE));
  clock.ms = 120_000;
  assert.equal(clip.take(Buffer.from("x")).length, 0);
});
