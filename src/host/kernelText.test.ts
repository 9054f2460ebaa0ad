import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readKernelText } from "./kernelText.ts";

test("readKernelText: short texts, empty ones and those of many pages are whole", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "varve-kernel-text-"));
  context.after(() => rmSync(folder, { recursive: true }));
  for (const size of [0, 1, 2047, 2048, 4096, 200_000]) {
    const path = join(folder, String(size));
    writeFileSync(path, "x".repeat(size));
    assert.equal(readKernelText(path).length, size);
  }
  for (const path of ["/proc/self/maps", "/proc/cpuinfo", "/proc/version"]) {
    const lines = (text: string): number => text.split("\n").length;
    assert.ok(Math.abs(lines(readKernelText(path)) - lines(readFileSync(path, "latin1"))) <= 3, path);
  }
});

test("readKernelText: a file that is not there", () => {
  assert.throws(() => readKernelText("/proc/self/nothing"), { code: "ENOENT" });
});
