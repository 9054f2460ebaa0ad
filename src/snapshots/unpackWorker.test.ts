import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hasCode, isCancelled } from "#errors";
import { UnpackWorker } from "./unpackWorker.ts";

test("UnpackWorker: a file that is no layer fails its job, and the next job is answered too", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "varve-unpack-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await using worker = new UnpackWorker();
  writeFileSync(join(folder, "noise"), Buffer.alloc(10_000, 7));
  const job = (source: string) => worker.run({ sources: [join(folder, source)], target: folder, ghosts: [] });
  await assert.rejects(job("noise"), (error) => hasCode(error, "INVALID_EROFS"));
  await assert.rejects(job("missing"), (error) => hasCode(error, "SYSCALL"));
});

test("UnpackWorker: an aborted job is cancelled", async () => {
  await using worker = new UnpackWorker();
  const job = { sources: [], target: tmpdir(), ghosts: [] };
  await assert.rejects(worker.run(job, AbortSignal.abort()), isCancelled);
  const controller = new AbortController();
  const running = worker.run(job, controller.signal);
  setImmediate(() => controller.abort());
  await assert.rejects(running, isCancelled);
  await worker.run(job);
});
