/** Images in every direction: registries, archives, other tools. The peers are real: docker, skopeo, umoci, docker-registry. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { must, run } from "./support/process.ts";
import { startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";
import { busyboxRootfs, directory, file, makeTar, noise } from "./support/rootfs.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("images in every direction", () => {
  let daemon: TestDaemon;
  let other: TestDaemon;
  let registry: TestRegistry;
  let folder: string;

  before(async () => {
    [daemon, other, registry] = await Promise.all([startDaemon(), startDaemon(), startRegistry()]);
    folder = await mkdtemp(join(tmpdir(), "varve-transfer-"));
    await daemon.mustDocker(["import", "-m", "made by a test", "-c", "ENV A=1", "-c", 'CMD ["sh"]', "-", "box:1"], {
      input: await busyboxRootfs([file("etc/noise", noise(3_000_000))]),
    });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("push, rmi, pull: the digest and the image ID stay", async () => {
    const name = `${registry.address}/team/box:1`;
    const id = (await daemon.mustDocker(["images", "-q", "--no-trunc", "box:1"])).trim();
    await daemon.mustDocker(["tag", "box:1", name]);
    const pushed = /digest: (sha256:[0-9a-f]{64})/.exec(await daemon.mustDocker(["push", name]))?.[1];
    assert.ok(pushed);
    assert.match(await daemon.mustDocker(["push", name]), new RegExp(`Layer already exists[^]*digest: ${pushed}`));
    const pulled = await other.mustDocker(["pull", name]);
    assert.match(
      pulled,
      new RegExp(`Pull complete[^]*Digest: ${pushed}\nStatus: Downloaded newer image for ${name}\n${name}\n$`),
    );
    assert.equal((await other.mustDocker(["images", "-q", "--no-trunc", name])).trim(), id);
    assert.match(await other.mustDocker(["pull", name]), new RegExp(`Status: Image is up to date for ${name}`));
    assert.equal(
      (await other.mustDocker(["inspect", "-f", "{{index .RepoDigests 0}}", name])).trim(),
      `${registry.address}/team/box@${pushed}`,
    );
    const again = `${registry.address}/elsewhere/box:2`;
    await other.mustDocker(["tag", name, again]);
    const second = await other.mustDocker(["push", again]);
    assert.match(second, new RegExp(`Mounted from team/box[^]*digest: ${pushed}`));
  });

  test("pull: by digest, all tags, and refusals in Docker's words", async () => {
    const base = `${registry.address}/many/box`;
    for (const tag of ["a", "b"]) await daemon.mustDocker(["tag", "box:1", `${base}:${tag}`]);
    const pushed = await daemon.mustDocker(["push", "-a", base]);
    const digest = /b: digest: (sha256:[0-9a-f]{64})/.exec(pushed)?.[1] ?? "";
    assert.match(await other.mustVarve(["pull", "-a", base]), /Status: /);
    assert.equal(
      (await other.mustVarve(["images", "--format", "{{.Tag}}", base])).trim().split("\n").sort().join(),
      "a,b",
    );
    assert.equal(await other.mustVarve(["pull", "-q", `${base}@${digest}`]), `${base}@${digest}\n`);
    const missing = await other.docker(["pull", `${base}:nope`]);
    assert.deepEqual(
      [missing.code, missing.stderr],
      [1, `Error response from daemon: manifest for ${base}:nope not found: manifest unknown: manifest unknown\n`],
    );
  });

  test("save, load, save: the same bytes; both layouts are in it", async () => {
    const first = join(folder, "first.tar");
    const second = join(folder, "second.tar");
    await daemon.mustDocker(["tag", "box:1", "box:also"]);
    await daemon.mustDocker(["save", "-o", first, "box:1", "box:also"]);
    const loader = await startDaemon();
    try {
      assert.equal(await loader.mustDocker(["load", "-i", first]), "Loaded image: box:1\nLoaded image: box:also\n");
      await loader.mustVarve(["save", "-o", second, "box:1", "box:also"]);
      assert.equal(sha256(await readFile(first)), sha256(await readFile(second)));
      assert.equal(
        (await loader.mustDocker(["run", "--rm", "--network", "none", "box:1", "cat", "/etc/os-release"])).trim(),
        'PRETTY_NAME="busybox test image"',
      );
    } finally {
      await loader[Symbol.asyncDispose]();
    }
    const names = (await must("tar", ["tf", first])).split("\n");
    for (const name of ["index.json", "manifest.json", "oci-layout", "repositories"])
      assert.ok(names.includes(name), name);
  });

  test("load: compressed archives through a pipe", async () => {
    const archive = Buffer.from(await readFile(join(folder, "first.tar")));
    const xz = join(folder, "first.tar.xz");
    await must("sh", ["-c", `xz -0 -c ${join(folder, "first.tar")} > ${xz}`]);
    for (const input of [gzipSync(archive, { level: 1 }), zstdCompressSync(archive), await readFile(xz)]) {
      const ran = await other.docker(["load"], { input });
      assert.equal(ran.code, 0, ran.stderr);
      assert.match(ran.stdout, /Loaded image: box:1\n/);
      await other.mustDocker(["rmi", "-f", "box:1", "box:also"]);
    }
  });

  test("skopeo: reads our archives and our registry pushes, we read its", async () => {
    const archive = join(folder, "first.tar");
    const layout = join(folder, "layout");
    const raw = JSON.parse(await must("skopeo", ["inspect", "--config", `docker-archive:${archive}:box:1`])) as {
      config: { Env: string[] };
    };
    assert.ok(raw.config.Env.includes("A=1"));
    await must("skopeo", ["copy", `docker-archive:${archive}:box:1`, `oci:${layout}:box`]);
    await must("tar", ["-C", layout, "-cf", `${layout}.tar`, "."]);
    assert.match(await other.mustDocker(["load", "-i", `${layout}.tar`]), /Loaded image/);
    await must("skopeo", [
      "copy",
      "--dest-tls-verify=false",
      `oci:${layout}:box`,
      `docker://${registry.address}/skopeo/box:oci`,
    ]);
    assert.match(await other.mustDocker(["pull", `${registry.address}/skopeo/box:oci`]), /Downloaded newer image/);
    assert.match(
      await other.mustDocker([
        "run",
        "--rm",
        "--network",
        "none",
        `${registry.address}/skopeo/box:oci`,
        "cat",
        "/etc/os-release",
      ]),
      /busybox/,
    );
    await must("skopeo", [
      "copy",
      "--src-tls-verify=false",
      `docker://${registry.address}/team/box:1`,
      `docker-archive:${join(folder, "skopeo.tar")}:sk:1`,
    ]);
    assert.equal(await other.mustDocker(["load", "-i", join(folder, "skopeo.tar")]), "Loaded image: sk:1\n");
  });

  test("umoci: unpacks what we save, the same files as were imported", async () => {
    const layout = join(folder, "layout");
    await must("umoci", ["unpack", "--image", `${layout}:box`, join(folder, "bundle")]);
    assert.equal((await readFile(join(folder, "bundle/rootfs/etc/noise"))).equals(noise(3_000_000)), true);
    await writeFile(join(folder, "bundle/rootfs/etc/added"), "by umoci");
    await must("umoci", ["repack", "--image", `${layout}:changed`, join(folder, "bundle")]);
    await must("skopeo", [
      "copy",
      "--dest-tls-verify=false",
      `oci:${layout}:changed`,
      `docker://${registry.address}/umoci/box:changed`,
    ]);
    await other.mustVarve(["pull", `${registry.address}/umoci/box:changed`]);
    assert.equal(
      await other.mustVarve([
        "run",
        "--rm",
        "--network",
        "none",
        `${registry.address}/umoci/box:changed`,
        "cat",
        "/etc/added",
      ]),
      "by umoci",
    );
  });

  test("zstd and plain layers: pulled, run, pushed elsewhere with the same digest", async () => {
    const layout = join(folder, "layout");
    await must("skopeo", [
      "copy",
      "--dest-compress-format",
      "zstd",
      "--dest-tls-verify=false",
      `oci:${layout}:box`,
      `docker://${registry.address}/zstd/box:1`,
    ]);
    const digest = (
      await must("skopeo", [
        "inspect",
        "--tls-verify=false",
        "--format",
        "{{.Digest}}",
        `docker://${registry.address}/zstd/box:1`,
      ])
    ).trim();
    await other.mustDocker(["pull", `${registry.address}/zstd/box:1`]);
    assert.match(
      await other.mustDocker([
        "run",
        "--rm",
        "--network",
        "none",
        `${registry.address}/zstd/box:1`,
        "cat",
        "/etc/os-release",
      ]),
      /busybox/,
    );
    await other.mustDocker(["tag", `${registry.address}/zstd/box:1`, `${registry.address}/zstd2/box:1`]);
    assert.match(await other.mustDocker(["push", `${registry.address}/zstd2/box:1`]), new RegExp(`digest: ${digest}`));
  });

  test("import: from a file and a pipe, with changes and a message; history and size tell it", async () => {
    const tar = makeTar([directory("./"), file("hello", "world")]);
    await writeFile(join(folder, "tiny.tar"), tar);
    const id = (
      await daemon.mustVarve(["import", "-m", "hello", "-c", "CMD /hello", join(folder, "tiny.tar"), "tiny:1"])
    ).trim();
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.equal(
      await daemon.mustDocker(["inspect", "-f", "{{json .Config.Cmd}} {{.Comment}} {{.Size}}", "tiny:1"]),
      '["/bin/sh","-c","/hello"] hello 5\n',
    );
    assert.match(
      await daemon.mustDocker(["history", "tiny:1"]),
      /IMAGE +CREATED +CREATED BY +SIZE +COMMENT\n[0-9a-f]{12} .* 5B +hello\n$/,
    );
  });

  test("bad input: one line, Docker's exit code, nothing kept", async () => {
    const before = await daemon.mustDocker(["images", "-aq"]);
    const cases: readonly (readonly [args: readonly string[], input: Uint8Array | undefined, message: RegExp])[] = [
      [["pull", "Nope/X"], undefined, /^invalid reference format: repository name \(X\) must be lowercase\n$/],
      [["inspect", "nothere:1"], undefined, /No such object: nothere:1\n/],
      [["rmi", "nothere:1"], undefined, /^Error response from daemon: No such image: nothere:1\n$/],
      [["images", "--filter", "what=ever"], undefined, /invalid filter 'what'/],
      [["load"], Buffer.from("this is no archive, and it is longer than a header".repeat(30)), /./],
      [["load"], makeTar([file("../../etc/evil", "x"), file("manifest.json", "[]")]), /./],
      [["import", "-", "bad:1"], Buffer.from("x".repeat(2000)), /./],
      [["import", "-", "bad:1"], makeTar([file("../escape", "x")]), /escape|\.\./],
      [["import", "-", "bad:1"], gzipSync(makeTar([file("a", "x".repeat(100_000))])).subarray(0, 90), /./],
    ];
    for (const [args, input, message] of cases) {
      const ran = await run("docker", args, {
        env: { DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CLI_HINTS: "false" },
        ...(input === undefined ? {} : { input }),
      });
      assert.equal(ran.code, 1, `${args.join(" ")}: ${ran.stdout}${ran.stderr}`);
      assert.match(ran.stderr + ran.stdout, message);
      assert.ok(ran.stderr.trim().split("\n").length <= 2, ran.stderr);
    }
    assert.equal(await daemon.mustDocker(["images", "-aq"]), before);
  });

  test("disk: what system df says is what lies on the disk, and rmi gives it back", async () => {
    for (const image of (await other.mustDocker(["images", "-q"])).trim().split("\n"))
      await other.docker(["rmi", "-f", image]);
    assert.equal(await other.mustDocker(["images", "-aq"]), "");
    const left = Number(
      (await must("du", ["-sB1", join(other.dataRoot, "layers"), join(other.dataRoot, "content/blobs")])).split(
        /\s/,
      )[0],
    );
    assert.ok(left < 100_000, `${left} bytes are left`);
    assert.ok((await stat(join(other.dataRoot, "varve.db"))).isFile());
  });
});
