import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { openInflater } from "#host";
import { isCancelled } from "#errors";
import { GrowingFileTail, createGrowingFile, growth } from "./growingFile.ts";
import { GzipMembers } from "./gzipMembers.ts";
import { inflateStream } from "./inflateStream.ts";
import { PayloadReader } from "./payloadReader.ts";
import { RingConsumer, RingProducer, SLOT_BYTES, createRing } from "./ring.ts";
import { SlotWriter } from "./slotWriter.ts";
import { StopFlag } from "./stopFlag.ts";
import { noise, openTestStore } from "./testStore.ts";

const PLAIN = noise(900_000);

function drained(ring: ReturnType<typeof createRing>): Buffer {
  const consumer = new RingConsumer(ring);
  const parts: Buffer[] = [];
  const stop = new StopFlag();
  for (let slot = consumer.take(stop); slot !== undefined; slot = consumer.take(stop)) {
    parts.push(Buffer.from(slot));
    consumer.release();
  }
  return Buffer.concat(parts);
}

test("ring: gives back in order what was written in pieces of any size", () => {
  const ring = createRing();
  const slots = new SlotWriter(ring, new StopFlag());
  for (let at = 0; at < PLAIN.length; at += 70_001) slots.write(PLAIN.subarray(at, at + 70_001));
  slots.end();
  assert.deepEqual(drained(ring), PLAIN);
});

test("ring: a full one has no room until a slot is released", async () => {
  const ring = createRing();
  const producer = new RingProducer(ring);
  let filled = 0;
  for (; producer.tryAcquire() !== undefined; filled += 1) producer.publish(SLOT_BYTES);
  assert.equal(filled, 16);
  const consumer = new RingConsumer(ring);
  assert.equal(consumer.take(new StopFlag())?.length, SLOT_BYTES);
  const freed = producer.freed();
  consumer.release();
  await freed;
  assert.notEqual(producer.tryAcquire(), undefined);
});

test("ring: waiting ends when the stop flag goes up", () => {
  const stop = new StopFlag();
  stop.raise();
  assert.throws(() => new RingConsumer(createRing()).take(stop), isCancelled);
  assert.throws(() => new RingProducer(createRing()).acquire(stop), isCancelled);
  const tail = new GrowingFileTail(createGrowingFile("none").file, stop);
  assert.throws(() => tail.waitBeyond(0), isCancelled);
});

test("growingFile: tells what is there, and the end", async () => {
  const growing = createGrowingFile("none", { available: 3 });
  const tail = new GrowingFileTail(growing.file, new StopFlag());
  assert.equal(tail.waitBeyond(0), 3);
  const more = growth(growing.file, 9);
  growing.advance(2 ** 33);
  assert.equal(await more, 2 ** 33);
  growing.finish();
  growing.fail();
  assert.equal(tail.waitBeyond(2 ** 33), 2 ** 33);
});

for (const [name, compression, blob] of [
  ["gzip", "gzip", Buffer.concat([gzipSync(PLAIN.subarray(0, 400_000)), gzipSync(PLAIN.subarray(400_000))])],
  ["zstd", "zstd", Buffer.concat([zstdCompressSync(PLAIN.subarray(0, 5)), zstdCompressSync(PLAIN.subarray(5))])],
] as const) {
  test(`inflateStream: inflates ${name} without isa-l`, async (t) => {
    const { source } = await openTestStore(t);
    const stop = new StopFlag();
    using reader = new PayloadReader({ from: "file", file: await source(blob) }, stop, 10_000);
    const ring = createRing();
    const slots = new SlotWriter(ring, stop);
    await inflateStream(reader, slots, compression);
    slots.end();
    assert.deepEqual(drained(ring), PLAIN);
  });
}

test("gzipMembers: borders of chunks may lie anywhere", (t) => {
  const inflater = openInflater();
  if (inflater === undefined) {
    t.skip("libisal is not installed");
    return;
  }
  const plain = PLAIN.subarray(0, 3000);
  const blob = Buffer.concat([gzipSync(plain.subarray(0, 1000)), gzipSync(plain.subarray(1000)), Buffer.alloc(700)]);
  for (const step of [1, 2, 7, 18, 512, blob.length]) {
    inflater.reset();
    const ring = createRing();
    const slots = new SlotWriter(ring, new StopFlag());
    const members = new GzipMembers(inflater, slots);
    for (let at = 0; at < blob.length; at += step) members.push(blob.subarray(at, at + step));
    members.finish();
    slots.end();
    assert.deepEqual(drained(ring), plain, `in steps of ${step}`);
  }
});
