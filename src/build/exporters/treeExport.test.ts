import assert from "node:assert/strict";
import { test } from "node:test";
import { readTarStream } from "#tar";
import type { BuildSession } from "../session.ts";
import { openTestRooms, testFile, testSession } from "../testRooms.ts";
import { createExporter } from "./createExporter.ts";
import { testJob, testTarget } from "./testJob.ts";

/** A client that keeps the paths of what it is sent. */
function receiver(): { readonly session: BuildSession; readonly paths: string[] } {
  const paths: string[] = [];
  const take = async (_output: unknown, tar: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const { entry } of readTarStream(tar))
      paths.push(`${entry.path}${entry.linkPath === "" ? "" : ` -> ${entry.linkPath}`} ${entry.mtimeSeconds}`);
  };
  return { paths, session: testSession({ sendTree: take, sendTar: take }) };
}

test("tree export: the merged tree is sent, with hard links and the given time", async (t) => {
  const rooms = await openTestRooms(t);
  const lower = await rooms.addLayer([testFile("a", "1"), { header: { path: "b", type: "hardlink", linkPath: "a" } }]);
  const upper = await rooms.addLayer([testFile("d/c", "2"), { header: { path: "s", type: "symlink", linkPath: "a" } }]);
  for (const type of ["tar", "local"]) {
    const { session, paths } = receiver();
    const exports = [{ type, attributes: { "source-date-epoch": "7" } }];
    await createExporter(rooms).export(testJob([testTarget([lower, upper])], exports, { session }).job);
    assert.deepEqual(paths, ["a 7", "b -> a 7", "d/ 7", "d/c 7", "s -> a 7"]);
  }
});

test("tree export: each platform has its folder, unless they are told to share one", async (t) => {
  const rooms = await openTestRooms(t);
  const one = await rooms.addLayer([testFile("a", "1")]);
  const two = await rooms.addLayer([testFile("a", "2")]);
  const targets = [testTarget([one]), testTarget([two], "arm64")];
  const { session, paths } = receiver();
  await createExporter(rooms).export(testJob(targets, [{ type: "local", attributes: {} }], { session }).job);
  assert.deepEqual(paths, ["linux_amd64/ 0", "linux_amd64/a 0", "linux_arm64/ 0", "linux_arm64/a 0"]);
  const shared = [{ type: "local", attributes: { "platform-split": "false" } }];
  await assert.rejects(createExporter(rooms).export(testJob(targets, shared, { session }).job), {
    message: "cannot overwrite a from linux/amd64 with linux/arm64 when split option is disabled",
  });
});
