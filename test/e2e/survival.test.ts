/**
 * Containers under fire: daemon, monitors and containers' first processes are killed (SIGKILL) at moments that a seed
 * chooses. Afterwards every state is true, everything can be removed, and nothing is left of anything.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { mountsBelow, startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const SEED = Number(process.env["VARVE_SURVIVAL_SEED"] ?? 20_261_125);
const ACTS = Number(process.env["VARVE_SURVIVAL_ACTS"] ?? 60);

/** Mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Processes whose command line holds a text. */
function processesOf(text: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(text);
      } catch {
        return false; // it has just ended
      }
    });
}

/** Cgroups of the containers, in every hierarchy. */
function cgroupsOf(ids: readonly string[]): readonly string[] {
  const hierarchies = ["", ...readdirSync("/sys/fs/cgroup")].map((name) => join("/sys/fs/cgroup", name, "varve"));
  return hierarchies.flatMap((folder) => ids.map((id) => join(folder, id))).filter((path) => existsSync(path));
}

function killHard(pid: number | undefined): void {
  try {
    if (pid !== undefined && pid > 1) process.kill(pid, "SIGKILL");
  } catch {
    // It was faster.
  }
}

describe("containers under fire", () => {
  let daemon: TestDaemon;
  const random = randomOf(SEED);
  const seen = new Set<string>();
  const choose = <T>(list: readonly T[]): T | undefined => list[Math.trunc(random() * list.length)];

  const ids = async (...filter: string[]): Promise<readonly string[]> => {
    const list = (await daemon.mustDocker(["ps", "-aq", "--no-trunc", ...filter]))
      .split("\n")
      .filter((id) => id !== "");
    for (const id of list) seen.add(id);
    return list;
  };
  const inspect = async (id: string): Promise<Readonly<Record<string, unknown>>> => {
    const ran = await daemon.docker(["inspect", "--format", "{{json .State}}", id]);
    return ran.code === 0 ? Object(JSON.parse(ran.stdout)) : {};
  };
  const monitorOf = (id: string): number | undefined =>
    processesOf(id).find((pid) => readFileSync(`/proc/${pid}/comm`, "latin1").trim() === "conmon");
  const bounded = (args: readonly string[]): Promise<unknown> => daemon.docker(args, { timeoutMs: 70_000 });
  const run = (...options: string[]): Promise<unknown> =>
    bounded(["run", "-d", ...options, "box:1", "sh", "-c", "while :; do echo line; sleep 0.05; done"]);

  const ACT: Readonly<Record<string, () => Promise<unknown>>> = {
    run: () => run(),
    "run with a policy": () => run("--restart", "always"),
    "run --rm": () => run("--rm"),
    "run with volume and port": () => run("-v", "/data", "-p", "127.0.0.1::80"),
    "kill the daemon": async () => {
      const busy = [
        run("--rm"),
        run("--restart", "on-failure"),
        daemon.docker(["rm", "-f", choose(await ids()) ?? "x"]),
      ];
      await sleep(random() * 150);
      await daemon.kill();
      await Promise.allSettled(busy);
      await daemon.start();
    },
    "kill a monitor": async () => killHard(monitorOf(choose(await ids("--filter", "status=running")) ?? "none")),
    "kill a container's init": async () => {
      const id = choose(await ids("--filter", "status=running"));
      if (id !== undefined) killHard(Number((await inspect(id))["Pid"]));
    },
    stop: async () => bounded(["stop", "-t", "0", choose(await ids()) ?? "none"]),
    restart: async () => bounded(["restart", "-t", "0", choose(await ids()) ?? "none"]),
    exec: async () => bounded(["exec", choose(await ids("--filter", "status=running")) ?? "none", "true"]),
    remove: async () => bounded(["rm", "-f", "-v", choose(await ids()) ?? "none"]),
  };

  before(async () => {
    daemon = await startDaemon();
    await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  test(`${ACTS} random acts (seed ${SEED}): states are true afterwards`, async () => {
    for (let act = 0; act < ACTS; act += 1) {
      const name = choose(Object.keys(ACT)) ?? "";
      const began = Date.now();
      await (ACT[name] ?? run)();
      // Nothing of this takes long; what does is stuck.
      assert.ok(Date.now() - began < 60_000, `act ${act}, ${name}, hung`);
      const running = await ids("--filter", "status=running");
      if (running.length > 8) await daemon.docker(["rm", "-f", ...running.slice(0, 6)]);
    }
    await sleep(1500);
    for (const id of await ids("--filter", "status=running")) {
      const { Pid } = await inspect(id);
      assert.ok(Number(Pid) === 0 || existsSync(`/proc/${Number(Pid)}`), `${id} is said to run as ${Number(Pid)}`);
    }
  });

  test("rm -f: always works, and nothing is left", async () => {
    const all = await ids();
    if (all.length > 0) await daemon.mustDocker(["rm", "-f", "-v", ...all]);
    assert.deepEqual(await ids(), []);
    const left = (): object => ({
      mounts: mountsBelow(daemon.dataRoot).filter((target) => target.endsWith("/merged")),
      netns: existsSync(join(daemon.execRoot, "netns")) ? readdirSync(join(daemon.execRoot, "netns")) : [],
      bundles: readdirSync(join(daemon.execRoot, "containers")),
      runtime: readdirSync(join(daemon.execRoot, "runtime")),
      exits: readdirSync(join(daemon.execRoot, "exits")),
      directories: readdirSync(join(daemon.dataRoot, "containers")),
      cgroups: cgroupsOf([...seen]),
      monitors: [...seen].filter((id) => monitorOf(id) !== undefined),
    });
    const nothing = {
      mounts: [],
      netns: [],
      bundles: [],
      runtime: [],
      exits: [],
      directories: [],
      cgroups: [],
      monitors: [],
    };
    // What is told as removed is gone; a monitor lives some milliseconds longer.
    for (let attempt = 0; attempt < 60 && JSON.stringify(left()) !== JSON.stringify(nothing); attempt += 1)
      await sleep(50);
    assert.deepEqual(left(), nothing);
  });

  test("the daemon: as many open files as at its start, no zombies", async () => {
    await daemon.stop();
    await daemon.start();
    const files = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;
    await daemon.mustDocker(["run", "--rm", "box:1", "true"]);
    const before_ = files();
    for (let round = 0; round < 30; round += 1) {
      await daemon.mustDocker(["run", "-d", "--name", "again", "box:1", "sleep", "100"]);
      await daemon.mustDocker(["exec", "again", "true"]);
      await daemon.mustDocker(["rm", "-f", "again"]);
    }
    for (let attempt = 0; attempt < 60 && files() > before_; attempt += 1) await sleep(50);
    assert.ok(files() <= before_ + 1, `${before_} open files before, ${files()} after`);
    const children = (): string => readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, "latin1").trim();
    // Ends that come together are taken together, some milliseconds later.
    for (let attempt = 0; attempt < 60 && children() !== ""; attempt += 1) await sleep(50);
    assert.equal(children(), "");
  });
});
