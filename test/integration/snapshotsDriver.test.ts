/** Which driver a data root gets. Needs root for mounts. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { findEngineError, hasCode } from "#errors";
import { erofsSupport, kernelRelease } from "#host";
import type { DiffId } from "#oci";
import { TestRoot, missing } from "../contract/snapshotterContract.ts";

const support = erofsSupport(kernelRelease());

/** A directory on a filesystem that cannot back an EROFS mount by a file (ENOTBLK). */
function memoryFilesystem(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "varve-tmpfs-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=56m", "none", path]);
  // Hooks run in order, so that stores on it are still open.
  t.after(() => {
    execFileSync("umount", ["--lazy", path]);
    rmSync(path, { recursive: true });
  });
  mkdirSync(join(path, "root"));
  return join(path, "root");
}

describe("storage driver", { skip: missing("erofs") }, () => {
  test("storage driver: the kernel's best is taken and remembered", {
    skip: support.file ? false : support.reason,
  }, async (t) => {
    const root = await TestRoot.open(t, undefined);
    assert.deepEqual([root.snapshots.driver.name, root.snapshots.driver.backend], ["erofs", "file"]);
    assert.match(root.metadata.settings.get("snapshots.backend") ?? "", /^file \d/);
    assert.deepEqual(root.snapshots.driver.status[0], ["Backing Filesystem", "extfs"]);
    await root.crash();
    assert.equal(root.snapshots.driver.backend, "file");
    assert.deepEqual(readdirSync(join(root.path, "layers", "fixups")), []);
  });

  test("storage driver: a filesystem that cannot back a file mount gets loop devices", {
    skip: support.loop ? false : support.reason,
  }, async (t) => {
    const root = await TestRoot.open(t, undefined, memoryFilesystem(t));
    assert.equal(root.snapshots.driver.backend, "loop");
    assert.match(new Map(root.snapshots.driver.status).get("Chosen because") ?? "", /block device required/);
    const chain = await root.stack([{ path: "./" }, { path: "file", data: "content" }]);
    assert.equal(readFileSync(join(await root.run("c1", chain), "file"), "utf8"), "content");
    await root.snapshots.unmount("c1");
    await root.crash();
    assert.equal(root.snapshots.driver.backend, "loop");
  });

  test("storage driver: a forced one that cannot work is refused with the kernel's reason", async (t) => {
    const failure = await TestRoot.open(t, "erofs-file", memoryFilesystem(t)).catch((error: unknown) => error);
    assert.ok(hasCode(failure, "UNSUPPORTED_KERNEL"));
    assert.match(findEngineError(failure)?.message ?? "", /^storage driver erofs-file cannot be used here: /);
  });

  test("storage driver: erofs may be forced without saying how", {
    skip: support.loop ? false : support.reason,
  }, async (t) => {
    const root = await TestRoot.open(t, "erofs");
    assert.equal(root.snapshots.driver.name, "erofs");
  });
});

test("snapshotter overlay2: a full disk refuses a layer in one line and leaves nothing of it", {
  skip: missing("overlay2"),
}, async (t) => {
  const root = await TestRoot.open(t, "overlay2", memoryFilesystem(t));
  const big = (name: string): Promise<DiffId> => root.layer([{ path: name, data: name.repeat(15_000_000) }]);
  const [first, second] = [await big("a"), await big("b")];
  const chain = await root.snapshots.commitLayer(first, undefined);
  await assert.rejects(root.snapshots.commitLayer(second, chain), (error) => hasCode(error, "NO_SPACE"));
  assert.deepEqual(
    root.snapshots.list().map(({ name }) => name),
    [chain],
  );
  assert.equal(readdirSync(join(root.path, "overlay2")).length, 2);
  await root.snapshots.remove(chain);
  const merged = await root.run("c1", await root.snapshots.commitLayer(second, undefined));
  assert.equal(statSync(join(merged, "b")).size, 15_000_000);
  await root.snapshots.unmount("c1");
});
