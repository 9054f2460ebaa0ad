/** Builds while images that share their layers are removed and the cache is pruned: each ends well, and what it made is whole. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import { run, type Ran } from "./support/process.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const BUILDERS = [0, 1, 2];
const ROUNDS = 10;

test("builds, rmi and prune at the same time", async () => {
  await using daemon = await startDaemon();
  const folder = mkdtempSync(join(tmpdir(), "varve-e2e-races-"));
  try {
    const env = { DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: await pluginConfig() };
    const docker = (...args: readonly string[]): Promise<Ran> => run("docker", args, { env, cwd: folder });
    writeFileSync(join(folder, "shared"), "the same in all\n");
    await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
    const end = new AbortController();
    const builder = async (which: number): Promise<void> => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const text = `FROM box:1\nCOPY shared /shared\nRUN echo ${round % 3} > /f\nCOPY shared /again-${round % 3}\n`;
        const out = join(folder, `${which}.tar`);
        const built = await run("docker", ["build", "-q", "--network", "none", "-t", `race:${which}`, "-f", "-", "."], {
          env,
          cwd: folder,
          input: text,
        });
        assert.equal(built.code, 0, built.stderr);
        // Another one's `rmi` may have come first: then there is nothing to look at.
        const saved = await docker("save", "-o", out, built.stdout.trim());
        if (saved.code !== 0) assert.match(saved.stderr, /No such image|reference does not exist/);
      }
    };
    const remover = async (): Promise<void> => {
      while (!end.signal.aborted) await docker("rmi", "-f", ...BUILDERS.map((which) => `race:${which}`));
    };
    const pruner = async (): Promise<void> => {
      while (!end.signal.aborted) {
        for (const args of [
          ["builder", "prune", "-af"],
          ["image", "prune", "-f"],
        ]) {
          const { code, stderr } = await docker(...args);
          assert.equal(code, 0, stderr);
        }
      }
    };
    const others = Promise.all([remover(), pruner()]);
    await Promise.all(BUILDERS.map(builder)).finally(() => end.abort());
    await others;
    assert.doesNotMatch(daemon.log(), /level=error/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
