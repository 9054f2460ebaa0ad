/** kill -9 of a daemon that builds: the next one leaves nothing of it. Needs root and a runtime. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { mountsBelow } from "../e2e/support/daemon.ts";
import { openContainerRooms } from "./containerRooms.ts";

/** Processes whose command line has a text. */
function processesWith(text: string): readonly string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "latin1").includes(text);
    } catch {
      return false; // it has just ended
    }
  });
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

test("steps: what a killed daemon's steps left is gone after the next start", async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "varve-steps-")));
  const program = fileURLToPath(new URL("./support/stepsForever.ts", import.meta.url));
  const child = spawn(process.execPath, [program, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), exited]);
  assert.equal(child.exitCode, null);
  child.kill("SIGKILL");
  await exited;
  assert.ok(processesWith("sleep\u00001234567").length > 0);
  const left = readdirSync(join(folder, "run", "steps"));
  assert.ok(left.length >= 2);

  await using rooms = await openContainerRooms([], folder);
  assert.deepEqual(processesWith("sleep\u00001234567"), []);
  for (const name of ["steps", "netns", "runtime"]) assert.deepEqual(namesIn(join(rooms.execRoot, name)), [], name);
  assert.deepEqual(namesIn(join(rooms.dataRoot, "buildkit", "steps")), []);
  assert.deepEqual(mountsBelow(join(rooms.dataRoot, "buildkit")), []);
  assert.deepEqual(mountsBelow(rooms.execRoot), []);
  const hierarchies = readdirSync("/sys/fs/cgroup").map((name) => join("/sys/fs/cgroup", name, "varve"));
  const groups = [join("/sys/fs/cgroup", "varve"), ...hierarchies].flatMap(namesIn);
  for (const id of left) assert.equal(groups.includes(id), false);
});
