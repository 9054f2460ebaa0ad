/** Against busybox tar, a reader and writer that shares no code with GNU's. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { readTarStream, writeTarStream } from "./stream.ts";

const BUSYBOX = "busybox";
const skip = ((): string | false => {
  try {
    return execFileSync(BUSYBOX, ["--list"], { encoding: "utf8" }).includes("\ntar\n") ? false : "busybox has no tar";
  } catch {
    return "busybox is not installed";
  }
})();
const LONG = `${"d".repeat(60)}/${"n".repeat(90)}`;

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "varve-busybox-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("busybox tar: reads names, modes, links and times that we write", { skip }, async (t) => {
  const root = folder(t);
  const chunks = await Array.fromAsync(
    writeTarStream([
      { header: { path: "d", type: "directory", mode: 0o750, mtimeSeconds: 7 } },
      { header: { path: "d/f", type: "file", mode: 0o640, size: 3, mtimeSeconds: 9 }, body: [Buffer.from("abc")] },
      { header: { path: LONG, type: "file", mode: 0o600, size: 4 }, body: [Buffer.from("long")] },
      { header: { path: "hard", type: "hardlink", linkPath: "d/f" } },
      { header: { path: "soft", type: "symlink", linkPath: "t".repeat(150) } },
    ]),
  );
  execFileSync(BUSYBOX, ["tar", "-xf", "-", "-C", root], { input: Buffer.concat(chunks) });
  assert.equal(readFileSync(join(root, LONG), "utf8"), "long");
  const file = lstatSync(join(root, "d/f"));
  assert.deepEqual([file.mode & 0o7777, file.nlink, file.mtimeMs], [0o640, 2, 9000]);
  assert.equal(readlinkSync(join(root, "soft")), "t".repeat(150));
});

test("busybox tar: what it writes we read", { skip }, async (t) => {
  const root = folder(t);
  mkdirSync(join(root, "d".repeat(60)));
  writeFileSync(join(root, LONG), "long");
  writeFileSync(join(root, "file"), "content", { mode: 0o640 });
  linkSync(join(root, "file"), join(root, "hard"));
  symlinkSync("t".repeat(150), join(root, "soft"));
  utimesSync(join(root, "file"), 1000, 1000);
  const archive = execFileSync(BUSYBOX, ["tar", "-c", "-f", "-", "-C", root, "."], { maxBuffer: 1 << 24 });
  const seen = new Map<string, string>();
  for await (const { entry, body } of readTarStream([archive])) {
    const data = Buffer.concat(await Array.fromAsync(body)).toString();
    seen.set(entry.path, `${entry.type} ${entry.linkPath}${data}`.trim());
    if (entry.path === "./file" && entry.type === "file")
      assert.deepEqual([entry.mode, entry.mtimeSeconds], [0o640, 1000]);
  }
  assert.equal(seen.get(`./${LONG}`), "file long");
  assert.equal(seen.get("./soft"), `symlink ${"t".repeat(150)}`);
  const types = [seen.get("./file"), seen.get("./hard")].map((text) => text?.split(" ")[0]);
  assert.deepEqual(new Set(types), new Set(["file", "hardlink"]));
});
