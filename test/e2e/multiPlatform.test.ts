/** Images of several platforms in the store: each platform's image is found under the one name. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { runBoth } from "./support/parity.ts";
import { must } from "./support/process.ts";
import { startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const PLATFORMS = "--platform=linux/amd64,linux/arm64";
/** `box` is this machine's: what says it is arm64 runs all the same. */
const DOCKERFILE = `FROM box AS box
FROM scratch
ARG TARGETARCH
COPY --from=box / /
LABEL arch=$TARGETARCH
ENV ARCH=$TARGETARCH
CMD ["sh", "-c", "echo $ARCH"]
`;

describe("images of several platforms", () => {
  let daemon: TestDaemon;
  let registry: TestRegistry;
  let folder: string;

  const docker = async (...args: readonly string[]): Promise<string> => (await daemon.mustDocker(args)).trim();
  const refusal = async (...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await daemon.docker(args);
    assert.notEqual(code, 0, args.join(" "));
    return stderr;
  };
  const idOf = (name: string, architecture: string): Promise<string> =>
    docker("image", "inspect", "--platform", `linux/${architecture}`, "-f", "{{.Id}}", name);
  const rows = async (): Promise<readonly string[]> =>
    (await docker("images", "-a", "--format", "{{.Repository}}:{{.Tag}}")).split("\n").sort();
  const build = (name: string, input = DOCKERFILE): Promise<string> =>
    daemon.mustVarve(["build", "-q", PLATFORMS, "-t", name, "-"], { input });

  before(async () => {
    daemon = await startDaemon();
    registry = await startRegistry();
    folder = mkdtempSync(join(tmpdir(), "varve-platforms-"));
    await daemon.mustDocker(["import", "--platform", "linux/amd64", "-", "box"], { input: await busyboxRootfs() });
    await daemon.mustDocker(["import", "--platform", "linux/arm64", "-", "box:arm"], { input: await busyboxRootfs() });
    const own = DOCKERFILE.replace("FROM box AS box", "FROM --platform=linux/amd64 box AS box");
    await build("multi:1", own);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("inspect, history: the platform that is asked for; one that is not there is told", async () => {
    const [amd64, arm64] = [await idOf("multi:1", "amd64"), await idOf("multi:1", "arm64")];
    assert.notEqual(amd64, arm64);
    assert.equal(await docker("image", "inspect", "-f", "{{.Id}}", "multi:1"), amd64);
    const shown = await docker(
      "image",
      "inspect",
      "--platform=linux/arm64",
      "-f",
      "{{.Architecture}} {{.RepoTags}} {{.Config.Labels.arch}}",
      "multi:1",
    );
    assert.equal(shown, "arm64 [multi:1] arm64");
    const history = await docker("history", "-q", "--no-trunc", "--platform=linux/arm64", "multi:1");
    assert.equal(history.split("\n")[0], arm64);
    const told = "image with reference multi:1 was found but does not provide the specified platform (linux/s390x)";
    for (const args of [
      ["image", "inspect", "--platform=linux/s390x", "multi:1"],
      ["history", "--platform=linux/s390x", "multi:1"],
      ["save", "--platform=linux/s390x", "-o", join(folder, "none.tar"), "multi:1"],
    ])
      assert.match(await refusal(...args), new RegExp(told.replaceAll(/[()]/g, "\\$&")));
    const { body } = await daemon.api("GET", "/v1.49/images/multi:1/json?manifests=1&platform=linux/arm64");
    assert.deepEqual(body, { message: "conflicting options: manifests and platform options cannot both be set" });
  });

  test("both command lines: --platform of what looks at images and moves them", async () => {
    const name = `${registry.address}/team/none:1`;
    for (const args of [
      ["image", "inspect", "--platform", "arm64", "multi:1"],
      ["image", "inspect", "--platform", "linux/s390x", "multi:1"],
      ["image", "inspect", "--platform", "other", "multi:1"],
      ["image", "inspect", "--platform", "a/b/c/d/e", "multi:1"],
      ["history", "--platform", "linux/arm64/v8", "--no-trunc", "multi:1"],
      ["history", "--platform", "linux/s390x", "multi:1"],
      ["history", "--platform", "other", "multi:1"],
      ["save", "--platform", "other", "multi:1"],
      ["save", "--platform", "linux/s390x", "-o", join(folder, "none.tar"), "multi:1"],
      ["load", "--platform", "other", "-i", "/dev/null"],
      ["push", "--platform", "other", name],
      ["rmi", "--platform", "linux/s390x", "multi:1"],
      ["rmi", "--platform", "other", "multi:1"],
    ]) {
      const both = await runBoth(daemon.socket, args);
      assert.deepEqual(both.varve, both.docker, args.join(" "));
    }
    await docker("tag", "box:arm", "gone:arm");
    assert.match(await refusal("rmi", "--platform", "linux/amd64", "gone:arm"), /does not provide/);
    assert.match(await docker("rmi", "--platform", "linux/arm64", "gone:arm"), /^Untagged: gone:arm/);
  });

  test("rmi: one platform of several, the one that has the names too; with the last the image goes", async () => {
    const ids = [await idOf("multi:1", "amd64"), await idOf("multi:1", "arm64")];
    await docker("create", "--name", "user", "--platform=linux/arm64", "multi:1");
    const inUse = /unable to delete [0-9a-f]{12} \(must be forced\) - image is being used by stopped container/;
    assert.match(await refusal("rmi", "--platform", "linux/arm64", "multi:1"), inUse);
    await docker("rm", "user");
    for (const [client, platform, stays] of [
      ["docker", "amd64", "arm64"],
      ["varve", "arm64", "amd64"],
    ] as const) {
      const own = DOCKERFILE.replace("FROM box", "FROM --platform=linux/amd64 box");
      await build(`less:${client}`, own.replace("LABEL", `LABEL for=${client}`));
      await docker("tag", `less:${client}`, `less:${client}-too`);
      const before = await idOf(`less:${client}`, stays);
      const rmi = ["rmi", "--platform", `linux/${platform}`, `less:${client}`];
      const said = await (client === "docker" ? daemon.mustDocker(rmi) : daemon.mustVarve(rmi));
      assert.match(said, /^Deleted: sha256:[0-9a-f]{64}\n$/);
      for (const name of [`less:${client}`, `less:${client}-too`]) {
        assert.equal(await docker("image", "inspect", "-f", "{{.Id}}", name), before);
        assert.match(
          await refusal("image", "inspect", "--platform", `linux/${platform}`, name),
          /does not provide the specified platform/,
        );
      }
      assert.equal(await docker("run", "--rm", "--network", "none", `less:${client}`), stays);
      assert.match(await refusal(...rmi), /does not provide the specified platform/);
      await docker("rmi", `less:${client}-too`);
      assert.match(await docker("rmi", "--platform", `linux/${stays}`, `less:${client}`), /^Untagged: less:/);
    }
    assert.deepEqual([await idOf("multi:1", "amd64"), await idOf("multi:1", "arm64")], ids);
  });

  test("run: each platform's image; the name stays the container's", async () => {
    assert.equal(await docker("run", "--rm", "multi:1"), "amd64");
    assert.equal(await docker("run", "--rm", "--platform=linux/amd64", "multi:1"), "amd64");
    assert.equal(await docker("run", "--rm", "--platform=linux/arm64", "multi:1"), "arm64");
    await docker("create", "--name", "held", "--platform=linux/arm64", "multi:1");
    assert.equal(await docker("ps", "-a", "--format", "{{.Image}}"), "multi:1");
    await docker("commit", "held", "committed");
    assert.equal(await docker("image", "inspect", "-f", "{{.Architecture}}", "committed"), "arm64");
    const none = await refusal("run", "--pull=never", "--platform=linux/s390x", "multi:1");
    assert.match(none, /does not match the specified platform: wanted linux\/s390x, actual: linux\/amd64/);
    await docker("rm", "held");
    await docker("rmi", "committed");
  });

  test("run: an image for another machine is run with a warning, unless it was asked for", async () => {
    const { stdout, stderr } = await daemon.docker(["run", "--rm", "box:arm", "echo", "ran"]);
    assert.equal(stdout, "ran\n");
    assert.match(
      stderr,
      /^WARNING: The requested image's platform \(linux\/arm64\) does not match the detected host platform \(linux\/amd64(?:\/v\d)?\) and no specific platform was requested\n$/,
    );
    assert.equal((await daemon.docker(["run", "--rm", "--platform=linux/arm64", "box:arm", "true"])).stderr, "");
  });

  test("lists: one row; a variant that was used is no dangling image, is not pruned, and goes with the name", async () => {
    const id = await idOf("multi:1", "arm64");
    assert.deepEqual(await rows(), ["box:arm", "box:latest", "multi:1"]);
    assert.match(await docker("image", "prune", "-f"), /^Total reclaimed space: /);
    assert.match(await docker("images", "--tree", "multi"), /linux\/arm64 .*MB/);
    await docker("tag", "multi:1", "multi:2");
    await docker("rmi", "multi:1");
    assert.equal(await idOf("multi:2", "arm64"), id);
    await docker("tag", "multi:2", "multi:1");
    await docker("create", "--name", "holder", "--platform=linux/arm64", "multi:2");
    await docker("rmi", "multi:1", "multi:2");
    assert.deepEqual(await rows(), ["<none>:<none>", "box:arm", "box:latest"]);
    await docker("rm", "holder");
    await docker("image", "prune", "-f");
    assert.deepEqual(await rows(), ["box:arm", "box:latest"]);
    await build("multi:1", DOCKERFILE.replace("FROM box AS box", "FROM --platform=linux/amd64 box AS box"));
    await docker("run", "--rm", "--platform=linux/arm64", "multi:1");
    await docker("rmi", "multi:1");
    assert.deepEqual(await rows(), ["box:arm", "box:latest"]);
    await build("multi:1", DOCKERFILE.replace("FROM box AS box", "FROM --platform=linux/amd64 box AS box"));
  });

  test("layers that only blobs are left of are made again", async () => {
    await docker("builder", "prune", "-af");
    await daemon.stop();
    await daemon.start();
    assert.equal(await docker("run", "--rm", "--platform=linux/arm64", "multi:1"), "arm64");
  });

  test("save, load, push, pull, build: one platform of several", async () => {
    const archive = join(folder, "arm.tar");
    await docker("save", "--platform=linux/arm64", "-o", archive, "multi:1");
    const entry: unknown = JSON.parse(await must("tar", ["-xOf", archive, "manifest.json"]));
    const [config = ""] = [entry].flat().map((one) => String(Reflect.get(Object(one), "Config")));
    assert.equal(config, `blobs/sha256/${(await idOf("multi:1", "arm64")).slice("sha256:".length)}`);

    const name = `${registry.address}/team/multi:1`;
    await docker("tag", "multi:1", name);
    const platforms = (): Promise<string> =>
      daemon.mustVarve([
        "buildx",
        "imagetools",
        "inspect",
        "--format",
        "{{range .Image}}{{.Architecture}} {{end}}",
        name,
      ]);
    await docker("push", "-q", name);
    assert.equal(await platforms(), "amd64 arm64 ");
    await docker("push", "-q", "--platform=linux/arm64", name);
    const only = await daemon.mustVarve([
      "buildx",
      "imagetools",
      "inspect",
      "--format",
      "{{.Image.Architecture}}",
      name,
    ]);
    assert.equal(only, "arm64");
    assert.match(
      await refusal("push", "-q", "--platform=linux/s390x", name),
      /does not provide the specified platform/,
    );
    assert.equal(await docker("image", "inspect", "-f", "{{.Architecture}}", name), "amd64");

    const child = "FROM multi:1\nLABEL child=yes\n";
    await daemon.mustVarve(["build", "-q", "--platform=linux/arm64", "-t", "child", "-"], { input: child });
    assert.equal(
      await docker("image", "inspect", "-f", "{{.Architecture}} {{.Config.Labels.arch}}", "child"),
      "arm64 arm64",
    );

    await docker("rmi", name, "child", "multi:1");
    assert.equal(await docker("load", "-i", archive), "Loaded image: multi:1");
    assert.equal(await docker("image", "inspect", "-f", "{{.Architecture}}", "multi:1"), "arm64");
    await docker("pull", "-q", "--platform=linux/arm64", name);
    assert.equal(await docker("image", "inspect", "-f", "{{.Architecture}}", name), "arm64");
    await docker("rmi", name, "multi:1");
  });

  test("save, load: all platforms that are here; the same bytes again; one of them by load --platform", async () => {
    const archive = join(folder, "all.tar");
    await build("all:1", DOCKERFILE.replace("FROM box AS box", "FROM --platform=linux/amd64 box AS box"));
    const ids = [await idOf("all:1", "amd64"), await idOf("all:1", "arm64")];
    await docker("save", "-o", archive, "all:1");
    const forget = async (): Promise<void> => {
      await docker("rmi", "all:1");
      await docker("builder", "prune", "-af");
    };
    await forget();
    assert.equal(await docker("load", "-i", archive), "Loaded image: all:1");
    // Nothing but the index keeps the other platform's plain layers.
    await docker("image", "prune", "-f");
    assert.deepEqual([await idOf("all:1", "amd64"), await idOf("all:1", "arm64")], ids);
    assert.equal(await docker("run", "--rm", "--platform=linux/arm64", "all:1"), "arm64");
    await docker("save", "-o", join(folder, "again.tar"), "all:1");
    await must("cmp", [archive, join(folder, "again.tar")]);
    const name = `${registry.address}/team/all:1`;
    await docker("tag", "all:1", name);
    await docker("push", "-q", name);
    const format = ["--format", "{{range .Image}}{{.Architecture}} {{end}}"];
    assert.equal(await daemon.mustVarve(["buildx", "imagetools", "inspect", ...format, name]), "amd64 arm64 ");
    await docker("rmi", name);
    await forget();
    await docker("load", "--platform=linux/arm64", "-i", archive);
    assert.equal(await docker("image", "inspect", "-f", "{{.Id}}", "all:1"), ids[1]);
    await forget();
    assert.match(await refusal("load", "--platform=linux/s390x", "-i", archive), /does not provide the platform/);

    const layout = join(folder, "layout.tar");
    const input = DOCKERFILE.replace("FROM box AS box", "FROM --platform=linux/amd64 box AS box");
    const output = `type=oci,dest=${layout},name=docker.io/library/all:1`;
    await daemon.mustVarve(["build", "-q", PLATFORMS, "-o", output, "-"], { input });
    await docker("load", "-i", layout);
    assert.equal(await docker("run", "--rm", "--platform=linux/arm64", "all:1"), "arm64");
    await docker("rmi", "all:1");
  });
});
