/** A runtime that never answers, as one does that waits for a dead network filesystem. Through the real docker command. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { must } from "./support/process.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

describe("a runtime that hangs", () => {
  let folder = "";
  let daemon: TestDaemon;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "varve-hung-"));
    const crun = (await must("sh", ["-c", "command -v crun"])).trim();
    const script = `#!/bin/sh
case " $* " in
*" create "*) if [ -e ${folder}/hang ]; then echo $$ > ${folder}/pid; sleep 1000; fi ;;
esac
exec ${crun} "$@"
`;
    await writeFile(join(folder, "crun"), script);
    await chmod(join(folder, "crun"), 0o755);
    daemon = await startDaemon({ env: { PATH: `${folder}:${process.env["PATH"]}` } });
    await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const until = async (holds: () => boolean): Promise<void> => {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if (holds()) return;
      await sleep(50);
    }
    assert.fail("it did not come about");
  };
  const hangs = async (work: () => Promise<void>): Promise<void> => {
    await writeFile(join(folder, "hang"), "");
    try {
      await work();
    } finally {
      await rm(join(folder, "hang"), { force: true });
      await rm(join(folder, "pid"), { force: true });
    }
  };

  test("rm -f ends it, the start is told, nothing is left, the next one starts", async () => {
    await daemon.mustDocker(["create", "--name", "stuck", "-p", "127.0.0.1::80", "box:1", "sleep", "1000"]);
    await hangs(async () => {
      const started = daemon.docker(["start", "stuck"]);
      await until(() => existsSync(join(folder, "pid")));
      const pid = readFileSync(join(folder, "pid"), "utf8").trim();
      await daemon.mustDocker(["rm", "-f", "stuck"], { timeoutMs: 30_000 });
      const { code, stderr } = await started;
      assert.equal(code, 1);
      assert.match(stderr, /container is marked for removal and cannot be started/);
      await until(() => !existsSync(`/proc/${pid}`));
    });
    assert.equal(await daemon.mustDocker(["ps", "-aq"]), "");
    for (const left of ["containers", "netns"]) assert.deepEqual(readdirSync(join(daemon.execRoot, left)), []);
    const told = await daemon.mustDocker(["run", "--rm", "--network", "none", "box:1", "echo", "fine"]);
    assert.equal(told, "fine\n");
  });
});
