/** A real Debian: what the kernel shows of our layer file is what tar unpacks, and the image lives in every command. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { debianRootfs } from "./support/debian.ts";
import { must } from "./support/process.ts";

/** Everything that lstat and the xattrs say, sorted; directories' sizes and times that tar makes up left out. */
async function describeTree(root: string): Promise<string> {
  const stats = await must("sh", [
    "-c",
    `cd ${root} && find . -type d -printf '%P|%y|%m|%U|%G|%T@\\n' -o -printf '%P|%y|%m|%U|%G|%s|%T@|%n|%l\\n' | LC_ALL=C sort`,
  ]);
  const hashes = await must("sh", [
    "-c",
    `cd ${root} && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`,
  ]);
  const xattrs = await must("sh", [
    "-c",
    `cd ${root} && find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - -e hex --absolute-names 2>/dev/null | grep -v '^trusted.overlay' || true`,
  ]);
  return `${stats}\n${hashes}\n${xattrs}`;
}

for (const driver of ["erofs-file", "erofs-loop", "overlay2"]) {
  describe(`a real Debian on ${driver}`, () => {
    let daemon: TestDaemon;
    let folder: string;
    let rootfs: string;

    before(async () => {
      rootfs = await debianRootfs();
      folder = await mkdtemp(join(tmpdir(), "varve-debian-"));
      daemon = await startDaemon({ flags: ["--storage-driver", driver] });
      await daemon.mustVarve(["import", "-c", 'CMD ["bash"]', rootfs, "debian:12-slim"]);
    });
    after(async () => {
      await daemon[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    test("its merged root equals what tar unpacks: modes, owners, times, links, xattrs, every byte", async () => {
      const unpacked = join(folder, "unpacked");
      await mkdir(unpacked);
      await must("tar", ["--xattrs", "--xattrs-include=*", "-xpf", rootfs, "-C", unpacked]);
      const merged = (
        await daemon.mustDocker(["inspect", "-f", "{{.GraphDriver.Data.MergedDir}}", "debian:12-slim"])
      ).trim();
      const [ours, theirs] = await Promise.all([describeTree(merged), describeTree(unpacked)]);
      if (ours !== theirs) {
        const expected = new Set(theirs.split("\n"));
        const actual = new Set(ours.split("\n"));
        assert.deepEqual(
          [...actual].filter((line) => !expected.has(line)).slice(0, 20),
          [...expected].filter((line) => !actual.has(line)).slice(0, 20),
        );
      }
    });

    test("it runs: dpkg verifies its files, perl and sed work", async () => {
      const run = (script: string): Promise<string> =>
        daemon.mustDocker(["run", "--rm", "--network", "none", "debian:12-slim", "bash", "-c", script]);
      assert.match(await run("cat /etc/os-release"), /Debian GNU\/Linux 12/);
      assert.equal(await run("dpkg -V coreutils bash perl-base tar && echo verified"), "verified\n");
      assert.equal(
        await run("touch /new /etc/hostname2 && rm /bin/ls && ! ls / 2>/dev/null; test -e /new && echo written"),
        "written\n",
      );
      assert.match(await run("ls /new 2>&1; ls -d /etc"), /No such file[^]*\/etc\n/);
    });

    test("the directories that inspect names can be listed", async () => {
      const data = JSON.parse(
        await daemon.mustDocker(["inspect", "-f", "{{json .GraphDriver}}", "debian:12-slim"]),
      ) as { Name: string; Data: Record<string, string> };
      assert.equal(data.Name, driver.startsWith("erofs") ? "erofs" : "overlay2");
      for (const key of ["UpperDir", "MergedDir", "WorkDir"]) await must("ls", [data.Data[key] ?? "missing"]);
      assert.match(await must("ls", [data.Data["UpperDir"] ?? "missing"]), /etc/);
      assert.match(await must("ls", [join(daemon.dataRoot, "overlay2")]), /^l$/m);
    });
  });
}
