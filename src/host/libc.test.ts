import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { addressOf, lastErrno, nativeFunction } from "./libc.ts";
import { runProgram } from "./runProgram.ts";

test("libc: importing the room loads no native library", async () => {
  const script = `
    await import(${JSON.stringify(new URL("./index.ts", import.meta.url).href)});
    const native = process.report.getReport().sharedObjects.filter((path) => /koffi|isal|seccomp/.test(path));
    process.stdout.write(JSON.stringify(native));`;
  const result = await runProgram({ file: process.execPath, args: ["--input-type=module", "-e", script] });
  assert.equal(String(result.stdout), "[]", String(result.stderr));
});

test("libc: errno of a failed call, also of one on the pool", async () => {
  const close = nativeFunction<[number]>("int close(int)");
  assert.equal(close.call(-1), -1);
  assert.equal(lastErrno(), constants.errno.EBADF);
  assert.deepEqual(await close.callAsync(-1), { result: -1, errno: constants.errno.EBADF });
});

test("libc: a missing library or symbol throws at the first call, not before", () => {
  const library = nativeFunction<[]>("int nothing()", "libvarve-none.so.9");
  const symbol = nativeFunction<[]>("int varve_no_such_symbol()");
  assert.throws(() => library.call());
  assert.throws(() => symbol.call());
});

test("libc: addresses of views differ by their offset, over shared memory too", () => {
  for (const buffer of [new ArrayBuffer(64), new SharedArrayBuffer(64)]) {
    assert.equal(addressOf(new Uint8Array(buffer, 16)) - addressOf(new Uint8Array(buffer)), 16);
  }
});
