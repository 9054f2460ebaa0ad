/**
 * Builds for other platforms: files for foreign ones, RUN on the machine's own; RUN of foreign programs where an emulator
 * is found, and what is said where there is none.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { startDaemon, type TestDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import { foreignProgram, registerEmulator } from "./support/emulator.ts";
import { run, type Ran } from "./support/process.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const CROSS = `FROM --platform=$BUILDPLATFORM box:1 AS build
ARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT BUILDPLATFORM
RUN echo "$TARGETPLATFORM|$TARGETOS|$TARGETARCH|$TARGETVARIANT|$BUILDPLATFORM" > /out
FROM scratch
ARG TARGETARCH
COPY --from=build /out /out
COPY a /a
WORKDIR /w
LABEL arch=$TARGETARCH
`;
const FOREIGN = 'FROM scratch\nCOPY program /program\nRUN ["/program"]\n';

describe("builds for other platforms", () => {
  let daemon: TestDaemon;
  let folder: string;
  let env: Record<string, string>;

  const docker = (...args: readonly string[]): Promise<Ran> => run("docker", args, { env, cwd: folder });
  const must = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await docker(...args);
    assert.equal(code, 0, `docker ${args.join(" ")}: ${stderr}`);
    return stdout;
  };

  before(async () => {
    daemon = await startDaemon();
    folder = mkdtempSync(join(tmpdir(), "varve-e2e-platforms-"));
    env = { DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: await pluginConfig() };
    writeFileSync(join(folder, "a"), "a\n");
    writeFileSync(join(folder, "Dockerfile"), CROSS);
    writeFileSync(join(folder, "program"), foreignProgram("hello\n"), { mode: 0o755 });
    writeFileSync(join(folder, "Foreign"), FOREIGN);
    await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("one build, three platforms: RUN on this machine's own, COPY for all", async () => {
    await must("buildx", "build", "-q", "--platform", "linux/amd64,linux/arm64,linux/arm/v7", "-o", "out", ".");
    const lines = ["amd64", "arm64", "arm_v7"].map((name) =>
      readFileSync(join(folder, `out/linux_${name}/out`), "utf8"),
    );
    const own = lines[0]?.split("|")[4] ?? "";
    assert.deepEqual(lines, [
      `linux/amd64|linux|amd64||${own}`,
      `linux/arm64|linux|arm64||${own}`,
      `linux/arm/v7|linux|arm|v7|${own}`,
    ]);
    assert.equal(readFileSync(join(folder, "out/linux_arm64/a"), "utf8"), "a\n");
  });

  test("an image of two platforms: each can be asked for", async () => {
    await must("build", "-q", "--platform", "linux/arm64", "-t", "cross:arm64", ".");
    const format = "{{.Os}}/{{.Architecture}} {{.Config.Labels.arch}} {{.Config.WorkingDir}}";
    assert.equal(await must("image", "inspect", "-f", format, "cross:arm64"), "linux/arm64 arm64 /w\n");
    const refused = await docker("build", "--platform", "linux/nosuch/v1/v2", ".");
    assert.match(refused.stderr, /"linux\/nosuch\/v1\/v2": cannot parse platform specifier/);
  });

  test("a base of the foreign platform is built upon", async () => {
    await must("build", "-q", "--platform", "linux/arm64", "-t", "cross:base", ".");
    writeFileSync(join(folder, "On"), "FROM cross:base\nLABEL more=1\n");
    await must("build", "-q", "-f", "On", "--platform", "linux/arm64", "-t", "cross:on", ".");
    assert.equal(await must("image", "inspect", "-f", "{{.Architecture}}", "cross:on"), "arm64\n");
  });

  test("without an emulator: RUN of a foreign program says what is missing", async (t) => {
    if (await isEmulated()) {
      t.diagnostic("an emulator for arm64 is registered on this machine: its absence cannot be shown");
      return;
    }
    const { code, stderr } = await docker(
      "build",
      "--progress=plain",
      "--platform",
      "linux/arm64",
      "-f",
      "Foreign",
      ".",
    );
    assert.equal(code, 1);
    assert.match(stderr, /exec \/program: exec format error$/m);
    assert.match(
      stderr,
      /^ERROR: failed to solve: process "\/program" did not complete successfully: exit code: 1: programs for linux\/arm64 do not run on linux\/amd64: no emulator is registered with binfmt_misc/m,
    );
    // Said to be of this machine, and is not: nobody's emulator is missed.
    const wrong = await docker("build", "--progress=plain", "-f", "Foreign", ".");
    assert.match(wrong.stderr, /did not complete successfully: exit code: 1$/m);
  });

  test("with an emulator: RUN and run of foreign programs", async (t: TestContext) => {
    using emulator = registerEmulator("aarch64");
    if (emulator === undefined) {
      t.skip("needs qemu-aarch64-static (Debian: qemu-user-static) and binfmt_misc of the kernel");
      return;
    }
    const flags = ["--no-cache", "--progress=plain", "--platform", "linux/arm64", "-f", "Foreign", "-t", "foreign:1"];
    const { code, stderr } = await docker("build", ...flags, ".");
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^#\d+ \d+\.\d+ hello$/m);
    assert.equal(await must("run", "--rm", "--platform", "linux/arm64", "foreign:1", "/program"), "hello\n");
    assert.match(await must("buildx", "inspect"), /^Platforms:.*linux\/arm64/m);
    const own = await daemon.varve(["build", ...flags, folder], {
      cwd: folder,
      env: { VARVE_HOST: `unix://${daemon.socket}` },
    });
    assert.equal(own.code, 0, own.stderr);
    assert.match(own.stderr, /^#\d+ \d+\.\d+ hello$/m);
  });

  async function isEmulated(): Promise<boolean> {
    return await run(join(folder, "program"), []).then(
      ({ stdout }) => stdout === "hello\n",
      () => false,
    );
  }
});
