/** What the daemon's own options give containers that say nothing of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const FLAGS = ["--log-driver", "local", "--log-opt", "max-size=1m", "--default-shm-size", "1m", "--no-new-privileges"];
const LOG = ["inspect", "-f", "{{json .HostConfig.LogConfig}}", "cc"];

test("log driver, /dev/shm and privileges are the daemon's, unless a container says other ones", async () => {
  await using daemon = await startDaemon({ flags: FLAGS });
  await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
  assert.equal(await daemon.mustDocker(["info", "-f", "{{.LoggingDriver}}"]), "local\n");
  const program = [
    "box:1",
    "sh",
    "-c",
    "grep NoNewPrivs /proc/self/status; df -k /dev/shm | tail -n 1 | awk '{print $2}'",
  ];
  const run = (...flags: readonly string[]): Promise<string> =>
    daemon.mustDocker(["run", "--name", "cc", "--network", "none", ...flags, ...program]);
  assert.equal(await run(), "NoNewPrivs:\t1\n1024\n");
  assert.equal(await daemon.mustDocker(LOG), '{"Type":"local","Config":{"max-size":"1m"}}\n');
  await daemon.mustDocker(["rm", "cc"]);
  const own = ["--security-opt", "no-new-privileges=false", "--shm-size", "2m", "--log-driver", "json-file"];
  assert.equal(await run(...own), "NoNewPrivs:\t0\n2048\n");
  assert.equal(await daemon.mustDocker(LOG), '{"Type":"json-file","Config":{}}\n');
});
