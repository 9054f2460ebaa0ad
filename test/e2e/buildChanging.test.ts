/** Files that change while a build reads them: taken as they are at that moment, never kept under a key that they do not have. */
import assert from "node:assert/strict";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon, type TestDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import { run, type Ran } from "./support/process.ts";

const LARGE = 24 << 20;

describe("a context that changes", () => {
  let daemon: TestDaemon;
  let folder: string;
  let context: string;
  let config: string;

  /** While a file grows, shrinks and is written over, as fast as this process can. */
  async function whileChanging<T>(path: string, work: () => Promise<T>): Promise<T> {
    const fd = openSync(path, "r+");
    let isOn = true;
    let round = 0;
    const turn = (): void => {
      if (!isOn) return;
      round += 1;
      writeSync(fd, `${round}`, (round * 4096) % LARGE);
      if (round % 3 === 0) ftruncateSync(fd, LARGE - round);
      if (round % 3 === 1) ftruncateSync(fd, LARGE + round);
      setTimeout(turn, 1);
    };
    turn();
    try {
      return await work();
    } finally {
      isOn = false;
      closeSync(fd);
    }
  }

  before(async () => {
    daemon = await startDaemon();
    config = await pluginConfig();
    folder = mkdtempSync(join(tmpdir(), "varve-e2e-changing-"));
    context = join(folder, "context");
    mkdirSync(context);
    writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY log fixed /\nCOPY fixed /again\n");
    writeFileSync(join(context, "log"), Buffer.alloc(LARGE, 1));
    writeFileSync(join(context, "fixed"), "fixed\n");
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const clients: Readonly<Record<string, (args: readonly string[]) => Promise<Ran>>> = {
    "docker, which sends it": (args) =>
      run("docker", ["build", ...args], { env: { DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: config } }),
    "varve, which has it read in place": (args) => daemon.varve(["build", ...args]),
  };
  for (const [name, build] of Object.entries(clients)) {
    test(`by ${name}: it is built, and what stands still is found again`, async () => {
      const ran = await whileChanging(join(context, "log"), async () => {
        let last: Ran | undefined;
        for (let round = 0; round < 4; round += 1) {
          const out = join(folder, `out-${round}`);
          last = await build(["-o", out, context]);
          assert.equal(last.code, 0, last.stderr);
          assert.equal(readFileSync(join(out, "fixed"), "utf8"), "fixed\n");
          assert.equal(readFileSync(join(out, "again"), "utf8"), "fixed\n");
          rmSync(out, { recursive: true });
        }
        return last;
      });
      assert.ok(ran !== undefined);
      // Still now: what is built is what is there, whatever was built before.
      for (const rest of ["one\n", "two\n"]) {
        writeFileSync(join(context, "log"), rest);
        const out = join(folder, "out-still");
        const { code, stderr } = await build(["-o", out, context]);
        assert.equal(code, 0, stderr);
        assert.equal(readFileSync(join(out, "log"), "utf8"), rest);
        rmSync(out, { recursive: true });
      }
      writeFileSync(join(context, "log"), Buffer.alloc(LARGE, 1));
    });
  }
});
