import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { hashPieces } from "./hashPieces.ts";

test("hashPieces: as crypto has it, for none, empty and many pieces at a time", async () => {
  const bytes = randomBytes(100_000);
  const pieces = Array.from({ length: 3000 }, (_, index) => ({ offset: index * 33, length: index % 34 }));
  const expected = pieces.map(({ offset, length }) =>
    createHash("sha256")
      .update(bytes.subarray(offset, offset + length))
      .digest(),
  );
  const [one, two, none] = await Promise.all([
    hashPieces(bytes, pieces),
    hashPieces(bytes.subarray(33), pieces.slice(0, 10)),
    hashPieces(bytes, []),
  ]);
  assert.deepEqual(one, Buffer.concat(expected));
  assert.notDeepEqual(two, Buffer.concat(expected.slice(0, 10)));
  assert.equal(none.length, 0);
  await assert.rejects(hashPieces(bytes, [{ offset: 99_999, length: 2 }]), RangeError);
});
