import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { ProgressMessage } from "#engineapi";
import { parsePlatform, parseReference } from "#oci";
import { importRootfs } from "./import.ts";
import type { ImportOptions } from "./imageService.ts";
import { chunksOf, tarOf } from "./testArchive.ts";
import { openTestRooms } from "./testRooms.ts";

const quiet: ImportOptions = { progress: () => undefined, changes: [], source: "-" };

test("import: a root filesystem becomes an image of one layer", async (t) => {
  const { context, catalog, events } = await openTestRooms(t);
  const lines: ProgressMessage[] = [];
  const imageId = await importRootfs(context, chunksOf(await tarOf([["etc/os-release", "ID=test"]])), {
    progress: (line) => lines.push(line),
    changes: ["CMD sh", 'ENV A=1 B="2 3"'],
    source: "-",
    reference: parseReference("t/rootfs:1"),
    platform: parsePlatform("linux/arm64"),
  });
  assert.deepEqual(lines, [{ status: imageId }]);
  const { config, diffIds } = await catalog.lookup("t/rootfs:1");
  assert.equal(diffIds.length, 1);
  assert.equal(config.architecture, "arm64");
  assert.deepEqual(config.config, { Cmd: ["/bin/sh", "-c", "sh"], Env: ["A=1", "B=2 3"] });
  assert.deepEqual(config.history, [{ created: "2026-11-21T00:00:00.000Z", comment: "Imported from -" }]);
  assert.deepEqual(
    events.map(({ Action, Actor }) => [Action, Actor.ID, Actor.Attributes["name"]]),
    [
      ["tag", imageId, "t/rootfs:1"],
      ["import", imageId, imageId],
    ],
  );
});

test("import: an operating system that cannot run here is refused in Docker's words", async (t) => {
  const { context } = await openTestRooms(t);
  const options = { ...quiet, platform: parsePlatform("windows/amd64") };
  await assert.rejects(importRootfs(context, chunksOf(await tarOf([["f", "x"]])), options), {
    category: "invalid_argument",
    message: "operating system is not supported",
  });
});

test("import: plain and compressed give the same layer, the message is the comment", async (t) => {
  const { context } = await openTestRooms(t);
  const tar = await tarOf([["f", "x"]]);
  const ids = [];
  for (const rootfs of [tar, gzipSync(tar)]) {
    ids.push(await importRootfs(context, chunksOf(rootfs), { ...quiet, message: "from a test" }));
  }
  assert.equal(ids[0], ids[1]);
  const [record] = context.metadata.images.listContent();
  assert.equal(record?.lastTaggedAt, undefined);
});

test("import: nothing stays when the tar is bad or a change is", async (t) => {
  const { context } = await openTestRooms(t);
  const tar = await tarOf([["f", "x".repeat(3000)]]);
  await assert.rejects(importRootfs(context, chunksOf(tar.subarray(0, 1500)), quiet), { code: "TAR_TRUNCATED" });
  await assert.rejects(importRootfs(context, chunksOf(Buffer.alloc(3000, "x")), quiet), { code: "INVALID_TAR" });
  await assert.rejects(importRootfs(context, chunksOf(await tarOf([["../f", "x"]])), quiet), { code: "PATH_ESCAPE" });
  await assert.rejects(importRootfs(context, chunksOf(tar), { ...quiet, changes: ["RUN x"] }), {
    message: "RUN is not a valid change command",
  });
  assert.deepEqual(context.metadata.images.listContent(), []);
  assert.deepEqual(context.metadata.leases.list(), []);
  await context.collector.collect({ ingests: "all" });
  assert.deepEqual(context.layers.list(), []);
});

test("import: cancelled when the signal fires", async (t) => {
  const { context } = await openTestRooms(t);
  const tar = await tarOf([["f", "x".repeat(3000)]]);
  const abort = new AbortController();
  async function* stalled(): AsyncGenerator<Uint8Array, void, void> {
    yield tar.subarray(0, 600);
    abort.abort();
    yield tar.subarray(600);
  }
  await assert.rejects(importRootfs(context, stalled(), { ...quiet, signal: abort.signal }), { code: "CANCELLED" });
  assert.deepEqual(context.metadata.images.listContent(), []);
});
