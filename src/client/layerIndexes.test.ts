import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "#errors";
import { readLayerIndexes } from "./layerIndexes.ts";

const BODY = Buffer.concat([
  Buffer.from('{"layer":0,"bytes":5,"implied":["caf\u00c3\u00a9"],"lowerHardlinks":[]}\n'),
  Buffer.from("a\nb\0c"),
  Buffer.from('{"layer":1,"bytes":0,"implied":[],"lowerHardlinks":[]}\n'),
]);

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("readLayerIndexes: lines and bytes come apart, whatever the chunks are", async () => {
  for (const size of [1, 2, 7, 50, 1000]) {
    const found = [];
    for await (const { line, bytes } of readLayerIndexes(inChunks(BODY, size)))
      found.push([line.layer, line.implied, Buffer.from(bytes).toString("latin1")]);
    assert.deepEqual(found, [
      [0, ["caf\u00c3\u00a9"], "a\nb\0c"],
      [1, [], ""],
    ]);
  }
});

test("readLayerIndexes: an answer that ends too early is told", async () => {
  const end = BODY.length;
  for (const length of [3, BODY.indexOf("\n") + 1, BODY.indexOf("\n") + 3, end - 1]) {
    const read = async (): Promise<void> => {
      for await (const _ of readLayerIndexes(inChunks(BODY.subarray(0, length), 4))) continue;
    };
    await assert.rejects(read, (error) => hasCode(error, "DAEMON_UNREACHABLE"), `${length} bytes`);
  }
});
