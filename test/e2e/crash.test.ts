/**
 * The store after kill -9: the daemon is killed at random moments of pull, load, import, rmi and prune; afterwards every
 * listed image is whole and runs, and the disk holds what `system df` says. The seed is printed: set VARVE_SEED to repeat.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { must } from "./support/process.ts";
import { startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";
import { busyboxRootfs, file, noise } from "./support/rootfs.ts";

const KILLS = Number(process.env["VARVE_KILLS"] ?? 50);
const SEED = Number(process.env["VARVE_SEED"] ?? Date.now() % 1_000_000);
/** Files of SQLite, directories and small records that no image owns. */
const SLACK_BYTES = 24 << 20;

function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe(`a daemon that is killed at ${KILLS} random moments (seed ${SEED})`, () => {
  const next = random(SEED);
  let daemon: TestDaemon;
  let registry: TestRegistry;
  let folder: string;
  let remote: string;

  before(async () => {
    [daemon, registry] = await Promise.all([startDaemon(), startRegistry()]);
    folder = await mkdtemp(join(tmpdir(), "varve-crash-"));
    remote = `${registry.address}/crash/box:1`;
    await writeFile(join(folder, "rootfs.tar"), await busyboxRootfs([file("data", noise(40_000_000))]));
    await daemon.mustDocker(["import", join(folder, "rootfs.tar"), remote]);
    await daemon.mustDocker(["push", "-q", remote]);
    await daemon.mustDocker(["save", "-o", join(folder, "saved.tar"), remote]);
    await daemon.mustDocker(["rmi", remote]);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function checkWhole(round: string): Promise<void> {
    const names = (await daemon.mustDocker(["images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]))
      .trim()
      .split("\n")
      .filter((line) => line !== "");
    for (const line of names) {
      const [name = "", id = ""] = line.split(" ");
      const image = name.includes("<none>") ? id : name;
      const ran = await daemon.docker(["run", "--rm", "--network", "none", image, "/bin/sh", "-c", "wc -c </data"]);
      assert.equal(ran.stdout.trim(), "40000000", `${round}: ${line}: ${ran.stderr}`);
    }
  }

  function act(round: number): readonly string[] {
    const acts: readonly (readonly string[])[] = [
      ["pull", "-q", remote],
      ["load", "-q", "-i", join(folder, "saved.tar")],
      ["import", join(folder, "rootfs.tar"), `imported:${round % 3}`],
      ["rmi", "-f", remote],
      ["image", "prune", "-af"],
    ];
    return acts[Math.floor(next() * acts.length)] ?? [];
  }

  test("every listed image is whole and runs after each of them", async () => {
    for (let round = 0; round < KILLS; round += 1) {
      const args = act(round);
      const client = spawn("docker", args, {
        stdio: "ignore",
        env: { ...process.env, DOCKER_HOST: `unix://${daemon.socket}` },
      });
      const gone = once(client, "exit");
      await sleep(next() * 450);
      await daemon.kill();
      await gone;
      await daemon.start();
      await checkWhole(`round ${round}, docker ${args.join(" ")}`);
    }
  });

  test("afterwards everything can still be done", async () => {
    await daemon.mustDocker(["pull", "-q", remote]);
    await daemon.mustDocker(["load", "-q", "-i", join(folder, "saved.tar")]);
    await checkWhole("at the end");
  });

  test("the disk holds what system df says, and next to nothing when all is removed", async () => {
    const used = async (): Promise<number> =>
      Number((await must("du", ["-sB1", "--one-file-system", daemon.dataRoot])).split(/\s/)[0]);
    const { body } = await daemon.api("GET", "/system/df");
    const told = (body as { readonly LayersSize: number }).LayersSize;
    assert.ok(told > 40_000_000, `system df tells ${told} bytes although images are here`);
    // What was removed a moment ago is freed in the background.
    for (let attempt = 0; attempt < 100 && Math.abs((await used()) - told) > SLACK_BYTES; attempt += 1)
      await sleep(100);
    const taken = await used();
    assert.ok(Math.abs(taken - told) <= SLACK_BYTES, `du says ${taken} bytes, system df ${told}`);
    const ids = [...new Set((await daemon.mustDocker(["images", "-aq"])).trim().split("\n"))];
    await daemon.mustDocker(["rmi", "-f", ...ids]);
    await daemon.mustDocker(["image", "prune", "-af"]);
    for (let attempt = 0; attempt < 100 && (await used()) > SLACK_BYTES; attempt += 1) await sleep(100);
    const left = await used();
    assert.ok(
      left <= SLACK_BYTES,
      `${left} bytes are left in an empty store:\n${await must("find", [daemon.dataRoot, "-xdev", "-size", "+100k", "-printf", "%s %p\\n"])}`,
    );
  });
});
