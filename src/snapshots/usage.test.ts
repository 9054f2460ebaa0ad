import assert from "node:assert/strict";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { directoryUsage } from "./usage.ts";

test("directoryUsage: counts sizes of files, hard links once, symlinks by their length", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "varve-usage-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "d"));
  writeFileSync(join(root, "d", "f"), "12345");
  linkSync(join(root, "d", "f"), join(root, "again"));
  symlinkSync("target", join(root, "l"));
  mkdirSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xfe])]));
  assert.deepEqual(await directoryUsage(root), { bytes: 11, inodes: 4 });
});

test("directoryUsage: a directory that is gone counts nothing", async () => {
  assert.deepEqual(await directoryUsage(join(tmpdir(), "varve-no-such-directory")), { bytes: 0, inodes: 0 });
});
