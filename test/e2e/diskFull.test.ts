/** A full disk: a small loop filesystem as data root. A clear error, no half image, and work goes on once there is room. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { mountsBelow, startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { must, run } from "./support/process.ts";
import { busyboxRootfs, file, noise } from "./support/rootfs.ts";

const DISK_BYTES = 96 << 20;

describe("a data root on a full disk", () => {
  let daemon: TestDaemon;
  let folder: string;
  let root: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "varve-full-"));
    root = join(folder, "disk");
    await mkdir(root);
    await must("truncate", ["-s", String(DISK_BYTES), join(folder, "disk.img")]);
    await must("mkfs.ext4", ["-q", "-m", "0", join(folder, "disk.img")]);
    await must("mount", ["-o", "loop", join(folder, "disk.img"), root]);
    await writeFile(join(folder, "fits.tar"), await busyboxRootfs([file("data", noise(30_000_000))]));
    await writeFile(join(folder, "tooBig.tar"), await busyboxRootfs([file("data", noise(90_000_000, 2))]));
    daemon = await startDaemon({ dataRoot: join(root, "varve") });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    for (const target of mountsBelow(folder).reverse()) await run("umount", ["-l", target]);
    await rm(folder, { recursive: true, force: true });
  });

  for (const act of ["import", "load"] as const) {
    test(`${act}: says that there is no space, keeps nothing, goes on when there is`, async () => {
      await daemon.mustDocker(["import", join(folder, "fits.tar"), "fits:1"]);
      const before = await daemon.mustDocker(["images", "-aq"]);
      let archive = join(folder, "tooBig.tar");
      if (act === "load") {
        const maker = await startDaemon();
        try {
          await maker.mustDocker(["import", archive, "toobig:1"]);
          archive = join(folder, "saved.tar");
          await maker.mustDocker(["save", "-o", archive, "toobig:1"]);
        } finally {
          await maker[Symbol.asyncDispose]();
        }
      }
      const refused = await daemon.docker(act === "load" ? ["load", "-i", archive] : ["import", archive, "toobig:1"]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr + refused.stdout, /no space left on device/);
      assert.equal(await daemon.mustDocker(["images", "-aq"]), before);
      assert.equal(
        (await daemon.mustDocker(["run", "--rm", "--network", "none", "fits:1", "sh", "-c", "wc -c </data"])).trim(),
        "30000000",
      );
      await daemon.mustDocker(["rmi", "fits:1"]);
      await daemon.mustDocker(["import", join(folder, "fits.tar"), "again:1"]);
      assert.equal(
        (await daemon.mustDocker(["run", "--rm", "--network", "none", "again:1", "sh", "-c", "wc -c </data"])).trim(),
        "30000000",
      );
      await daemon.mustDocker(["rmi", "again:1"]);
    });
  }
});
