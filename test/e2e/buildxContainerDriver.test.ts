/**
 * The real buildx plugin's docker-container driver: everything but BuildKit's own image, which stands on a registry. The
 * stand-in has its `buildctl`, whose `dial-stdio` leads to the daemon itself.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import { freePort } from "./support/registry.ts";
import { busyboxRootfs, file } from "./support/rootfs.ts";

const IMAGE = "moby/buildkit:buildx-stable-1";

test("buildx's docker-container driver: boots, builds, stops and goes, with all that it made", async (t) => {
  const port = await freePort();
  await using daemon = await startDaemon({ flags: ["-H", `tcp://127.0.0.1:${port}`] });
  const folder = mkdtempSync(join(tmpdir(), "varve-container-driver-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const env = { DOCKER_CONFIG: await pluginConfig(), BUILDX_CONFIG: join(folder, "buildx") };
  const docker = (...args: readonly string[]): Promise<string> => daemon.mustDocker(args, { cwd: folder, env });
  const buildctl = `#!/bin/sh\ncase "$1" in debug) exit 0;; dial-stdio) exec busybox nc 127.0.0.1 ${port};; esac\n`;
  const rootfs = await busyboxRootfs([file("bin/buildctl", buildctl, 0o755)]);
  const entrypoint = 'ENTRYPOINT ["sh", "-c", "exec sleep 1000"]';
  await daemon.mustDocker(["import", "-c", entrypoint, "-", IMAGE], { input: rootfs });
  writeFileSync(join(folder, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");

  const create = ["buildx", "create", "--name", "boxed", "--driver", "docker-container", "--use"];
  assert.equal(await docker(...create, "--driver-opt", "network=host"), "boxed\n");
  assert.match(await docker("buildx", "inspect", "--bootstrap"), /^Status: +running$/m);
  assert.match(await docker("ps", "--format", "{{.Names}} {{.Image}}"), /^buildx_buildkit_boxed0 moby\/buildkit/m);
  await docker("buildx", "build", "-q", "--load", "-t", "loaded:1", ".");
  assert.match(await docker("images", "-q", "loaded"), /^[0-9a-f]{12}\n$/);
  // Ours takes the same record for the daemon that the container runs on.
  const ls = await daemon.mustVarve(["buildx", "ls"], { env });
  assert.match(ls, /^boxed\* +docker-container/m);
  await docker("buildx", "stop", "boxed");
  assert.match(await docker("ps", "-a", "--format", "{{.Status}}"), /^Exited/);
  await docker("buildx", "rm", "boxed");
  assert.equal(await docker("ps", "-aq"), "");
  assert.equal(await docker("volume", "ls", "-q"), "");
});
