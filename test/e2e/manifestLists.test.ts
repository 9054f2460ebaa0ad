/** `manifest …` of both command lines: what they print, keep and push, byte for byte. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { runBoth } from "./support/parity.ts";
import { startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";

const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

describe("manifest lists", () => {
  let daemon: TestDaemon;
  let registry: TestRegistry;
  /** A folder of client configuration for each of the two. */
  let folders: Readonly<Record<"docker" | "varve", string>>;

  const nameOf = (name: string): string => `${registry.address}/${name}`;
  const both = async (...args: readonly string[]): Promise<string> => {
    const options = (program: "docker" | "varve"): { env: Record<string, string> } => ({
      env: { DOCKER_CONFIG: folders[program] },
    });
    const docker = await daemon.docker(["manifest", ...args], options("docker"));
    const varve = await daemon.varve(["manifest", ...args], options("varve"));
    assert.deepEqual(varve, docker, args.join(" "));
    return docker.stdout + docker.stderr;
  };
  const kept = (program: "docker" | "varve"): readonly (readonly [string, string])[] => {
    const folder = join(folders[program], "manifests");
    return readdirSync(folder, { recursive: true, encoding: "utf8", withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), "utf8")] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  };
  const pushedList = async (repository: string, tag: string): Promise<string> => {
    const url = `http://${registry.address}/v2/${repository}/manifests/${tag}`;
    return await (await fetch(url, { headers: { Accept: DOCKER_LIST } })).text();
  };

  before(async () => {
    daemon = await startDaemon();
    registry = await startRegistry();
    folders = {
      docker: mkdtempSync(join(tmpdir(), "varve-manifests-docker-")),
      varve: mkdtempSync(join(tmpdir(), "varve-manifests-varve-")),
    };
    for (const architecture of ["amd64", "arm64"]) {
      const dockerfile = `FROM scratch\nLABEL note="<${architecture}> & more"\nWORKDIR /${architecture}\n`;
      for (const name of [`team/a:${architecture}`, `team/list:${architecture}`]) {
        const platform = `--platform=linux/${architecture}`;
        await daemon.mustVarve(["build", "-q", platform, "-t", nameOf(name), "-"], { input: dockerfile });
        await daemon.mustVarve(["push", "-q", nameOf(name)]);
      }
    }
    const input = "FROM scratch\nARG TARGETARCH\nLABEL a=$TARGETARCH\n";
    const platforms = ["--provenance=true", "--platform=linux/amd64,linux/arm/v7"];
    await daemon.mustVarve(["build", "-q", ...platforms, "--push", "-t", nameOf("team/multi"), "-"], { input });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    for (const folder of Object.values(folders)) rmSync(folder, { recursive: true });
  });

  test("inspect: an image, an index with attestations, what is not there", async () => {
    for (const flags of [["--insecure"], ["--insecure", "-v"]]) {
      await both("inspect", ...flags, nameOf("team/a:amd64"));
      assert.match(await both("inspect", ...flags, nameOf("team/multi")), /"architecture": "unknown"/);
      assert.match(await both("inspect", ...flags, nameOf("team/none")), /^no such manifest: /);
    }
    await both("inspect", "--insecure", nameOf("team/UPPER"));
  });

  test("create, annotate, push, rm: the same files in the store, the same bytes in the registry", async () => {
    const list = nameOf("team/list:all");
    const [amd64, arm64] = [nameOf("team/a:amd64"), nameOf("team/a:arm64")];
    assert.equal(await both("create", "--insecure", list, amd64, arm64), `Created manifest list ${list}\n`);
    await both("create", list, amd64);
    assert.match(await both("create", "--insecure", "-a", list, nameOf("team/list:amd64")), /^Created/);
    await both("create", "--insecure", nameOf("team/list:two"), nameOf("team/multi"));
    await both("annotate", list, arm64, "--variant", "v8", "--os-features", "one,two", "--os-version", "10.1");
    await both("annotate", list, arm64, "--os-features", "two,three");
    await both("annotate", list, arm64, "--arch", "sparc");
    await both("annotate", list, nameOf("team/none"), "--arch", "arm64");
    await both("annotate", nameOf("team/UPPER"), arm64, "--arch", "arm64");
    for (const flags of [[], ["-v"]]) {
      await both("inspect", ...flags, list);
      await both("inspect", ...flags, list, arm64);
      await both("inspect", ...flags, list, nameOf("team/none"));
    }
    assert.deepEqual(kept("varve"), kept("docker"));

    const pushed: string[] = [];
    for (const program of ["docker", "varve"] as const) {
      const ran = await daemon[program](["manifest", "push", list], { env: { DOCKER_CONFIG: folders[program] } });
      assert.equal(ran.code, 0, ran.stderr);
      pushed.push(ran.stdout, await pushedList("team/list", "all"));
    }
    assert.deepEqual(pushed.slice(2), pushed.slice(0, 2));
    assert.match(pushed[0] ?? "", /^Pushed ref .*team\/list@sha256:.* with digest: sha256:/);
    await both("push", "--purge", list);
    assert.match(await both("push", list), /^No such manifest: /);
    assert.match(await both("inspect", "--insecure", list), /"os.version": "10.1"/);
    await both("create", "--insecure", list, amd64);
    await both("rm", list);
    await both("rm", list, "other");
    assert.deepEqual([kept("varve"), kept("docker")], [[], []]);
  });

  test("push: an image of another registry, an entry without a platform", async () => {
    const list = `localhost:${registry.address.split(":")[1]}/team/list:far`;
    await both("create", "--insecure", list, nameOf("team/a:amd64"));
    assert.match(await both("push", list), /^cannot use source images from a different registry/);
    await both("rm", list);
  });

  test("usage: what no command line can be", async () => {
    for (const args of [["create", "a"], ["annotate", "a"], ["push"], ["rm"], ["inspect", "a", "b", "c"]]) {
      const { docker, varve } = await runBoth(daemon.socket, ["manifest", ...args]);
      // Docker's program tells that the group is experimental.
      const plain = docker.stderr.replace(/\nEXPERIMENTAL:\n(?: .*\n)+/, "");
      assert.equal(varve.stderr, plain);
      assert.equal(varve.code, docker.code);
    }
  });
});
