import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { assert as check, asyncProperty, array, boolean, integer, tuple } from "fast-check";
import { ByteQueue } from "./byteQueue.ts";
import type { ByteSource } from "./byteQueue.ts";

class Source implements ByteSource {
  isPaused = false;
  isClosed = false;
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  close(): void {
    this.isClosed = true;
  }
}

function newQueue(source: Source, idleMs = 5000): ByteQueue {
  return new ByteQueue(source, { expectedBytes: undefined, idleMs, idleError: () => new Error("idle") });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("byteQueue: the reader gets every byte once and in order, however they come and however slow it is", async () => {
  const bytes = randomBytes(4 << 20);
  const piece = tuple(integer({ min: 1, max: 700_000 }), boolean(), boolean());
  await check(
    asyncProperty(array(piece, { minLength: 1, maxLength: 30 }), boolean(), async (pieces, isSlow) => {
      const source = new Source();
      const queue = newQueue(source);
      const sent: Uint8Array[] = [];
      const write = async (): Promise<void> => {
        for (const [length, isDirect, isPatient] of pieces) {
          if (isPatient) while (source.isPaused) await turn();
          const space = isDirect ? queue.space() : undefined;
          const part = bytes.subarray(0, Math.min(length, space?.length ?? length));
          if (space === undefined) queue.push(part);
          else {
            space.set(part);
            queue.commit(part.length);
          }
          sent.push(part);
          if (isPatient) await turn();
        }
        queue.end();
      };
      const writing = write();
      const got: Uint8Array[] = [];
      for await (const chunk of queue) {
        if (isSlow) await turn();
        got.push(Uint8Array.from(chunk));
      }
      await writing;
      assert.ok(Buffer.concat(got).equals(Buffer.concat(sent)));
      assert.ok(source.isClosed);
    }),
    { numRuns: 60 },
  );
});

test("byteQueue: pauses its source when nobody reads and goes on when somebody does", async () => {
  const source = new Source();
  const queue = newQueue(source);
  for (let count = 0; !source.isPaused; count += 1) {
    assert.ok(count < 100);
    queue.push(Buffer.alloc(64 << 10));
  }
  const reader = queue[Symbol.asyncIterator]();
  await reader.next();
  await reader.next();
  assert.equal(source.isPaused, false);
  await reader.return();
  assert.equal(source.isClosed, true);
});

test("byteQueue: joins small pieces that are there into one chunk", async () => {
  const queue = newQueue(new Source());
  for (let count = 0; count < 64; count += 1) queue.push(Buffer.alloc(1000, count));
  queue.end();
  const lengths: number[] = [];
  for await (const chunk of queue) lengths.push(chunk.length);
  assert.deepEqual(lengths, [64_000]);
});

test("byteQueue: gives what came before the error, then the error", async () => {
  const queue = newQueue(new Source());
  queue.push(Buffer.from("ab"));
  queue.end(new Error("cut"));
  queue.end();
  const got: string[] = [];
  await assert.rejects(async () => {
    for await (const chunk of queue) got.push(Buffer.from(chunk).toString());
  }, /^Error: cut$/);
  assert.deepEqual(got, ["ab"]);
});

test("byteQueue: ends with the idle error when no byte comes", async () => {
  await assert.rejects(async () => {
    for await (const _ of newQueue(new Source(), 10)) assert.fail();
  }, /^Error: idle$/);
});
