import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { CallList, shareCallLists } from "./callList.ts";
import { addressOf, addressOfSymbol } from "./libc.ts";

const SYS = process.arch === "arm64" ? { write: 64, dup: 23, close: 57 } : { write: 1, dup: 32, close: 3 };

test("call list: a result is the next calls' argument, a failure skips, functions are called as well", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "varve-calls-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const fd = openSync(join(folder, "out"), "w");
  t.after(() => closeSync(fd));
  const text = Buffer.from("abc");
  const length = addressOfSymbol("strnlen");
  const list = new CallList(3, [
    { target: SYS.dup, args: [fd], saves: true, skips: 2 },
    { target: SYS.write, args: [0, addressOf(text), 3], usesSaved: true },
    { target: SYS.close, args: [0], usesSaved: true },
    { target: length, args: [addressOf(text), 2] },
  ]);
  list.set(1, 0, 0, -1);
  for (const run of [async () => list.run(3), () => list.runAsync(3)]) {
    await run();
    assert.deepEqual([list.result(0, 1), list.result(0, 2), list.result(0, 3)], [3, 0, 2]);
    assert.deepEqual([list.result(1, 0), list.result(1, 1), list.result(1, 3)], [-constants.errno.EBADF, 0, 2]);
    assert.equal(list.result(2, 0), list.result(0, 0));
  }
  assert.equal(readFileSync(join(folder, "out"), "latin1"), "abcabcabcabc");
});

test("call list: a worker runs the code of the thread that started it", async () => {
  shareCallLists();
  const source = `
    const { getEnvironmentData, parentPort } = require("node:worker_threads");
    parentPort.postMessage(typeof getEnvironmentData("varve.callList"));
  `;
  const worker = new Worker(source, { eval: true });
  const [answer] = await new Promise<unknown[]>((resolve, reject) => {
    worker.on("message", (...message: unknown[]) => resolve(message)).on("error", reject);
  });
  assert.equal(answer, "number");
});
