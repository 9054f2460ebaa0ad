import assert from "node:assert/strict";
import { test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { FileListWriter, readFileList } from "../files/fileList.ts";
import { packInputs, unpackInputs } from "./keyInputs.ts";

test("recorded inputs: values and files come back as they were", () => {
  const list = new FileListWriter();
  list.add("a/b", 0o644, "ab".repeat(32));
  list.add("caf\xc3\xa9", 0o755, "cd".repeat(32));
  const files = list.finish();
  const values = { instruction: "COPY é /", base: "scratch" };
  assert.deepEqual(unpackInputs(packInputs({ values, files })), {
    values,
    files: Object.fromEntries(readFileList(files)),
  });
  assert.deepEqual(unpackInputs(packInputs({ values })), { values, files: {} });
});

test("recorded inputs: those of an older version are read, what is damaged counts for nothing", () => {
  const old = { values: { instruction: "RUN true" }, files: { "a.txt": "sha256:1" } };
  assert.deepEqual(unpackInputs(zstdCompressSync(JSON.stringify(old))), old);
  const nothing = { values: {}, files: {} };
  const whole = packInputs({ values: { a: "1" }, files: new Uint8Array(100).fill(1) });
  for (const bytes of [new Uint8Array(0), whole.subarray(0, 20), zstdCompressSync("[1"), zstdCompressSync("null")])
    assert.deepEqual(unpackInputs(bytes), nothing);
});
