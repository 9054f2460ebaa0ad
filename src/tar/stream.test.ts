import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "#errors";
import { readTarStream, writeTarStream } from "./stream.ts";
import type { TarMemberSource } from "./stream.ts";
import { END, member, padded, pax } from "./testArchive.ts";

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const ARCHIVE = Buffer.concat([
  member({ name: "a" }, "alpha"),
  member({ name: "empty" }),
  member({ name: "big" }, "b".repeat(5000)),
  member({ name: "z" }, "omega"),
  END,
  Buffer.alloc(9000),
]);

test("readTarStream: members and bodies come in order, whatever the chunks", async () => {
  for (const size of [1, 100, 512, 700, ARCHIVE.length]) {
    const seen: [string, string][] = [];
    for await (const { entry, body } of readTarStream(chunksOf(ARCHIVE, size)))
      seen.push([entry.path, String(await collect(body))]);
    assert.deepEqual(seen, [
      ["a", "alpha"],
      ["empty", ""],
      ["big", "b".repeat(5000)],
      ["z", "omega"],
    ]);
  }
});

test("readTarStream: unread and half-read bodies are stepped over", async () => {
  const seen: string[] = [];
  for await (const { entry, body } of readTarStream(chunksOf(ARCHIVE, 600))) {
    seen.push(entry.path);
    if (entry.path !== "big") continue;
    for await (const chunk of body) {
      assert.ok(chunk.length > 0);
      break;
    }
  }
  assert.deepEqual(seen, ["a", "empty", "big", "z"]);
});

test("readTarStream: the source is read to its end, and closed when the reader stops early", async () => {
  let left = 0;
  let isClosed = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (const chunk of chunksOf(ARCHIVE, 1000)) {
        left = ARCHIVE.length - chunk.byteOffset - chunk.length;
        yield chunk;
      }
    } finally {
      isClosed = true;
    }
  }
  for await (const _ of readTarStream(source()));
  assert.ok(left <= 0);
  isClosed = false;
  for await (const _ of readTarStream(source())) break;
  assert.equal(isClosed, true);
});

test("readTarStream: a sparse body is filled with zeros", async () => {
  const records = [
    ["GNU.sparse.size", "200000"],
    ["GNU.sparse.map", "10,3,150000,2"],
  ] as const;
  const archive = Buffer.concat([pax(records), member({ name: "s" }, "abcde"), END]);
  const expected = Buffer.alloc(200_000);
  expected.write("abc", 10);
  expected.write("de", 150_000);
  for (const size of [1, 512, 4096]) {
    for await (const { body } of readTarStream(chunksOf(archive, size)))
      assert.ok((await collect(body)).equals(expected));
  }
});

test("readTarStream: a sparse body that is a hole alone", async () => {
  const archive = Buffer.concat([
    pax([
      ["GNU.sparse.size", "70000"],
      ["GNU.sparse.map", "70000,0"],
    ]),
    member({ name: "s" }),
    END,
  ]);
  for await (const { body } of readTarStream([archive])) assert.ok((await collect(body)).equals(Buffer.alloc(70_000)));
});

test("readTarStream: a cut body is TAR_TRUNCATED, read or not", async () => {
  const cut = ARCHIVE.subarray(0, 3000);
  const read = async (withBodies: boolean): Promise<void> => {
    for await (const { body } of readTarStream(chunksOf(cut, 512))) if (withBodies) await collect(body);
  };
  await assert.rejects(read(true), (error) => hasCode(error, "TAR_TRUNCATED"));
  await assert.rejects(read(false), (error) => hasCode(error, "TAR_TRUNCATED"));
});

test("readTarStream: a body that is read too late says so", async () => {
  const bodies: AsyncIterable<Uint8Array>[] = [];
  for await (const { body } of readTarStream(chunksOf(ARCHIVE, 512))) bodies.push(body);
  await assert.rejects(async () => collect(bodies[0] ?? (async function* () {})()), /read after the next one/);
});

test("readTarStream: limits hold", async () => {
  await assert.rejects(
    async () => {
      for await (const _ of readTarStream([ARCHIVE], { maxEntries: 2 }));
    },
    (error) => hasCode(error, "TAR_LIMIT"),
  );
});

test("writeTarStream: what it writes is read back, and ends in two zero blocks", async () => {
  const members: readonly TarMemberSource[] = [
    { header: { path: "d", type: "directory", mode: 0o755 } },
    { header: { path: "d/f", type: "file", size: 1300 }, body: [Buffer.alloc(1000, "x"), Buffer.alloc(300, "y")] },
    { header: { path: "l", type: "symlink", linkPath: "d/f" } },
  ];
  const bytes = await collect(writeTarStream(members));
  assert.equal(bytes.length, 512 + 512 + 1536 + 512 + 1024);
  const seen: [string, number][] = [];
  for await (const { entry, body } of readTarStream([bytes])) seen.push([entry.path, (await collect(body)).length]);
  assert.deepEqual(seen, [
    ["d/", 0],
    ["d/f", 1300],
    ["l", 0],
  ]);
});

test("writeTarStream: a body longer or shorter than its header says is refused", async () => {
  for (const body of ["ab", "abcd"]) {
    const members = [{ header: { path: "f", type: "file", size: 3 }, body: [Buffer.from(body)] }] as const;
    await assert.rejects(collect(writeTarStream(members)), (error) => hasCode(error, "INVALID_TAR"));
  }
});

test("padded: test archives are whole blocks", () => {
  assert.equal(padded("x").length, 512);
});
