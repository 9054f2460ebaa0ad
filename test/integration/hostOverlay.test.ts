/** The way that kernels before 6.7 need: all options of an overlay in one page. Needs root. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hasCode } from "#errors";
import { unmount } from "#host";
import { mountByOptions } from "../../src/host/overlayMount.ts";

const skip = process.getuid?.() === 0 ? false : "needs root to mount";
const DOCKERS_LIMIT = 127;

test(`overlay by options: ${DOCKERS_LIMIT} layers fit by short relative names, too many are refused`, {
  skip,
}, async (t) => {
  const base = mkdtempSync(join(tmpdir(), "varve-overlay-"));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  for (const name of ["l", "upper", "work", "merged"]) mkdirSync(join(base, name));
  const lowers = Array.from({ length: 200 }, (_, index) => {
    const name = join("l", String(index).padStart(26, "A"));
    mkdirSync(join(base, `layer${index}`));
    writeFileSync(join(base, `layer${index}`, `file${index}`), "");
    symlinkSync(`../layer${index}`, join(base, name));
    return name;
  });
  const rest = { base, upper: join(base, "upper"), work: join(base, "work"), target: join(base, "merged") };
  const home = process.cwd();
  mountByOptions({ ...rest, lowers: lowers.slice(0, DOCKERS_LIMIT) });
  try {
    assert.equal(process.cwd(), home);
    assert.equal(readdirSync(rest.target).length, DOCKERS_LIMIT);
  } finally {
    await unmount(rest.target);
  }
  assert.throws(
    () => mountByOptions({ ...rest, lowers }),
    (error) => hasCode(error, "TOO_MANY_LAYERS"),
  );
  assert.throws(
    () => mountByOptions({ ...rest, lowers: ["l/missing"] }),
    (error) => hasCode(error, "SYSCALL"),
  );
  assert.equal(process.cwd(), home);
});
