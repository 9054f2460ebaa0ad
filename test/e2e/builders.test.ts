/** Named builders of the real buildx plugin and ours: the same files, lines and choices; builds on one and on several daemons. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import type { Ran } from "./support/process.ts";
import { startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";

type Program = "docker" | "varve";
const PROGRAMS = ["docker", "varve"] as const;
const DOCKERFILE = "FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\nCOPY file /$TARGETARCH\n";
const NOBODY = "unix:///nonexistent/varve.sock";

/** Without times, and lines that end in any order. */
const masked = (text: string): string =>
  text
    .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:]{8}Z?/g, "TIME")
    .replaceAll(/(?:^.*(?: removed|failed to remove .*)\n)+/gm, (lines) => lines.split("\n").sort().join("\n"))
    .replaceAll(/\/(?:docker|varve)-config\//g, "/CONFIG/");

describe("builders", () => {
  let near: TestDaemon;
  let far: TestDaemon;
  let registry: TestRegistry;
  let folder: string;

  const configOf = (program: Program): string => join(folder, `${program}-config`);
  const run = (program: Program, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
    near[program](["buildx", ...args], { cwd: folder, env: { DOCKER_CONFIG: configOf(program), ...env } });
  const both = async (...args: readonly string[]): Promise<string> => {
    const [docker, varve] = await Promise.all(PROGRAMS.map((program) => run(program, args)));
    const said = (ran: Ran | undefined): readonly unknown[] => [
      ran?.code,
      masked(ran?.stdout ?? ""),
      masked(ran?.stderr ?? ""),
    ];
    assert.deepEqual(said(varve), said(docker), args.join(" "));
    return `${docker?.stdout}${docker?.stderr}`;
  };
  /** Every file of the store with its text. */
  const kept = (program: Program): Readonly<Record<string, string>> => {
    const root = join(configOf(program), "buildx");
    const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const texts = files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(root.length), masked(readFileSync(path, "utf8"))] as const;
    });
    // Locks, and what a build of the plugin leaves, are its own; an empty choice is none.
    const own = texts.filter(
      ([path, text]) => /^\/(?:instances|defaults|activity|current)/.test(path) && !text.includes('"Name":""'),
    );
    return Object.fromEntries(own.sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  const sameFiles = (): void => assert.deepEqual(kept("varve"), kept("docker"));
  const address = (daemon: TestDaemon): string => `unix://${daemon.socket}`;

  before(async () => {
    near = await startDaemon();
    far = await startDaemon();
    registry = await startRegistry();
    folder = mkdtempSync(join(tmpdir(), "varve-builders-"));
    const plugins = join(await pluginConfig(), "cli-plugins");
    for (const program of PROGRAMS) {
      mkdirSync(configOf(program));
      symlinkSync(plugins, join(configOf(program), "cli-plugins"));
    }
    mkdirSync(join(folder, "context"));
    writeFileSync(join(folder, "context/Dockerfile"), DOCKERFILE);
    writeFileSync(join(folder, "context/file"), "text\n");
  });
  after(async () => {
    for (const one of [near, far, registry]) await one[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("create, ls, inspect, use, stop, rm: buildx's words and files", async () => {
    await both("ls");
    await both("inspect");
    await both("inspect", "none");
    await both("create", "--name", "one", "--driver", "remote", address(near));
    await both("create", "--name", "one", "--driver", "remote", address(near));
    await both("create", "--name", "two", "--driver", "remote", "--use", NOBODY);
    sameFiles();
    assert.match(await both("ls"), /^two\* +remote/m);
    await both("ls", "--format", "{{.Name}}|{{.DriverEndpoint}}|{{.Status}}|{{.Buildkit}}|{{.Platforms}}|{{.Error}}");
    await both("ls", "--format", "json");
    for (const args of [[], ["one"], ["--bootstrap", "one"], ["--builder", "one"]]) await both("inspect", ...args);
    for (const args of [["one"], ["--default", "one"], ["--global", "two"], ["default"], ["none"], ["1x"], []]) {
      await both("use", ...args);
      sameFiles();
    }
    const arm = ["--platform", "linux/arm64,linux/arm"];
    await both("create", "--name", "one", "--append", "--node", "far", ...arm, address(far));
    await both("create", "--name", "one", "--append", "--node", "again", address(near));
    await both("create", "--name", "one", "--node", "one0", "--platform", "linux/amd64", "--platform", "linux/arm64");
    await both("create", "--name", "one", "--node", "other", address(near));
    sameFiles();
    await both("ls");
    await both("inspect", "one");
    await both("create", "--name", "one", "--leave", "--node", "none");
    await both("create", "--name", "one", "--leave", "--node", "far");
    await both("create", "--name", "one", "--leave", "--node", "one0");
    sameFiles();
    await both("stop", "one");
    await both("stop", "none");
    await both("rm", "default");
    await both("rm", "one", "none");
    await both("rm", "--all-inactive", "-f");
    await both("rm", "--all-inactive", "two");
    sameFiles();
  });

  test("create: what cannot be", async () => {
    await both("create", "--name", "taken", "--driver", "remote", address(near));
    for (const args of [
      ["--name", "default"],
      ["--append"],
      ["--append", "--name", "none"],
      ["--name", "taken", "--append", "--driver", "docker-container"],
      ["--name", "x", "--driver", "docker"],
      ["--name", "x", "--driver", "other"],
      ["--name", "1x", "--driver", "remote", address(near)],
      ["--name", "x", "--driver", "remote"],
      ["--name", "x", "--driver", "remote", "other://y"],
      ["--name", "x", "--driver", "remote", "--driver-opt", "k", address(near)],
      ["--name", "x", "--driver", "remote", "--driver-opt", "k=v", address(near)],
      ["--name", "x", "--driver", "docker-container", "--driver-opt", "network=host,k=v", address(near)],
      ["--leave", "--node", "x"],
      ["--leave", "--name", "x"],
      ["--leave", "--name", "x", "--node", "y"],
    ])
      assert.match(await both("create", ...args), /^ERROR: /, args.join(" "));
    await both("rm", "taken");
    sameFiles();
  });

  test("a builder without a driver is a daemon's address, which the plugin can use too", async () => {
    const env = { DOCKER_CONFIG: configOf("varve") };
    const tag = (name: string): string => `${registry.address}/${name}`;
    assert.equal((await run("varve", ["create", "--name", "shared", "--use", address(far)])).stdout, "shared\n");
    for (const [program, name] of [
      ["docker", "by/docker"],
      ["varve", "by/varve"],
    ] as const) {
      const ran = await run(program, ["build", "--push", "-t", tag(name), "context"], env);
      assert.equal(ran.code, 0, ran.stderr);
      assert.match(ran.stderr, /^#0 building with "shared" instance using remote driver\n/);
      assert.equal((await run(program, ["du"], env)).stdout.includes("Total:"), true);
    }
    assert.match(await far.mustVarve(["image", "ls", "-q", tag("by/varve")]), /^[0-9a-f]{12}\n$/);
    assert.equal(await near.mustVarve(["image", "ls", "-q", tag("by/varve")]), "");
    const loaded = await run("varve", ["build", "--load", "-t", "loaded:here", "context"], env);
    assert.equal(loaded.code, 0, loaded.stderr);
    assert.match(await near.mustVarve(["image", "ls", "-q", "loaded:here"]), /^[0-9a-f]{12}\n$/);
    for (const wrong of ["none", "1x"]) {
      const ran = await run("varve", ["build", "context"], { ...env, BUILDX_BUILDER: wrong });
      assert.equal(ran.stderr, `ERROR: no builder ${JSON.stringify(wrong)} found\n`);
    }
    assert.equal((await run("varve", ["prune", "-af", "--builder", "shared"], env)).code, 0);
    await run("varve", ["rm", "shared"]);
  });

  test("docker-container: the daemon itself, and a line that says so", async () => {
    const { stdout, stderr } = await run("varve", ["create", "--name", "boxed", "--driver", "docker-container"]);
    assert.equal(stdout, "boxed\n");
    assert.equal(stderr, `varve needs no container to build in: builder "boxed" is the daemon at ${address(near)}\n`);
    await run("docker", ["create", "--name", "boxed", "--driver", "docker-container"]);
    const path = "/instances/boxed";
    assert.equal(kept("varve")[path], kept("docker")[path]);
    const built = await run("varve", ["build", "--builder", "boxed", "-t", "boxed:1", "context"]);
    assert.match(built.stderr, /^#0 building with "boxed" instance using docker-container driver\n/);
    assert.match(await near.mustVarve(["image", "ls", "-q", "boxed:1"]), /^[0-9a-f]{12}\n$/);
    for (const program of PROGRAMS) await run(program, ["rm", "boxed"]);
  });

  test("several nodes: each builds its platforms, one index has them all", async () => {
    const create = (...args: readonly string[]): Promise<Ran> => run("varve", ["create", "--name", "both", ...args]);
    await create("--platform", "linux/amd64", address(near));
    await create("--append", "--node", "arm", "--platform", "linux/arm64,linux/arm/v7", address(far));
    const tags = ["a", "b"].map((name) => `${registry.address}/nodes/${name}:1`);
    const build = (...args: readonly string[]): Promise<Ran> =>
      run("varve", ["build", "--builder", "both", ...args, "context"]);
    const built = await build(
      "--platform=linux/amd64,linux/arm64,linux/arm/v7",
      "--push",
      "--annotation=index:k=v",
      "--metadata-file=meta.json",
      ...tags.flatMap((tag) => ["-t", tag]),
    );
    assert.equal(built.code, 0, built.stderr);
    assert.match(built.stderr, /\[arm linux\/arm64 1\/1\] COPY file/);
    assert.match(built.stderr, /merging manifest list /);
    const raw = await near.mustVarve(["buildx", "imagetools", "inspect", "--raw", tags[0] ?? ""]);
    assert.equal(await near.mustVarve(["buildx", "imagetools", "inspect", "--raw", tags[1] ?? ""]), raw);
    const { manifests }: { manifests: { platform: { architecture: string } }[] } = JSON.parse(raw);
    assert.deepEqual(
      manifests.map(({ platform }) => platform.architecture),
      ["amd64", "arm64", "arm"],
    );
    assert.match(readFileSync(join(folder, "meta.json"), "utf8"), /"buildx.build.ref": "both\/both0\//);
    await far.mustVarve(["pull", "-q", "--platform", "linux/arm/v7", tags[0] ?? ""]);

    const one = await build("--platform=linux/arm64", "-t", "only:arm");
    assert.equal(one.code, 0, one.stderr);
    assert.match(await far.mustVarve(["image", "ls", "-q", "only:arm"]), /^[0-9a-f]{12}\n$/);
    const kept = await build("--platform=linux/amd64,linux/arm64", "-t", "x");
    assert.match(kept.stderr, /ERROR: a build on several nodes of builder "both" can be pushed only: --push\n/);
  });
});
