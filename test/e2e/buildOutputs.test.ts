/** What becomes of a build: directories, archives, pushes, caches and attestations, asked for by the real docker command. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { writeContext } from "./build/support/context.ts";
import { openClientEngine } from "./support/engine.ts";
import type { ClientEngine } from "./support/engine.ts";
import { must } from "./support/process.ts";
import { startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";

const DOCKERFILE = `FROM scratch AS one
COPY a.txt /d/a.txt
FROM one
ARG TARGETARCH
LABEL arch=$TARGETARCH
COPY --from=one /d/a.txt /b.txt
CMD ["/b.txt"]
`;

interface Listed {
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform?: { readonly architecture: string };
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
  readonly annotations?: Readonly<Record<string, string>>;
}

describe("outputs of builds", () => {
  let engine: ClientEngine;
  let other: ClientEngine;
  let registry: TestRegistry;
  let folder: string;

  const build = (on: ClientEngine, ...args: readonly string[]): Promise<string> =>
    must("sh", ["-c", 'exec docker build --progress=plain "$@" . 2>&1', "build", ...args], {
      cwd: folder,
      env: on.env,
    });
  const listOf = async (repository: string, tag: string): Promise<Listed> => {
    const accept = "application/vnd.oci.image.index.v1+json";
    const response = await fetch(`http://${registry.address}/v2/${repository}/manifests/${tag}`, {
      headers: { Accept: accept },
    });
    assert.equal(response.headers.get("content-type"), accept);
    return (await response.json()) as Listed;
  };

  before(async () => {
    engine = await openClientEngine();
    other = await openClientEngine();
    registry = await startRegistry();
    folder = mkdtempSync(join(tmpdir(), "varve-e2e-outputs-"));
    writeFileSync(join(folder, "Dockerfile"), DOCKERFILE);
    writeFileSync(join(folder, "a.txt"), "text\n");
    writeFileSync(join(folder, ".dockerignore"), "out*\n");
  });
  after(async () => {
    await engine[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("files go to a directory or into one archive", async () => {
    assert.match(await build(engine, "-o", "out"), /exporting to client directory\n#\d+ copying files .*done/);
    assert.deepEqual(readdirSync(join(folder, "out")).sort(), ["b.txt", "d"]);
    assert.equal(readFileSync(join(folder, "out/d/a.txt"), "utf8"), "text\n");
    await build(engine, "-o", "type=tar,dest=out.tar");
    assert.equal(await must("tar", ["-tf", join(folder, "out.tar")]), "b.txt\nd/\nd/a.txt\n");
    await build(engine, "--platform=linux/amd64,linux/arm64", "-o", "out2");
    assert.deepEqual(readdirSync(join(folder, "out2")).sort(), ["linux_amd64", "linux_arm64"]);
  });

  test("archives of a build are BuildKit's, byte by byte", async () => {
    writeContext(folder, {
      "bytes/a": "one\n",
      "bytes/l": { link: "a" },
      "bytes/d/b": "two\n",
      "bytes/d/h": { hard: "bytes/d/b" },
      "bytes/d/e/c": { body: "three\n", mode: 0o600 },
      "bytes/Dockerfile": 'FROM scratch\nCOPY --chmod=4755 a /bin\nCOPY l d /d/\nENV A=b\nENTRYPOINT ["/bin"]\n',
    });
    const digests: Record<string, string> = {};
    for (const type of ["tar", "oci", "docker"]) {
      const out = join(folder, `out.bytes.${type}`);
      const wish = `type=${type},dest=${out},compression=uncompressed,force-compression=true,name=x/y:1`;
      await must("docker", ["build", "-q", "-o", wish, join(folder, "bytes")], {
        env: { ...engine.env, SOURCE_DATE_EPOCH: "1700000000" },
      });
      digests[type] = createHash("sha256").update(readFileSync(out)).digest("hex");
    }
    // Of dockerd 26.1.5 with the containerd image store, whose BuildKit (v0.13) writes them.
    assert.deepEqual(digests, {
      tar: "7d7428e95d88c51942eee1195cb385c02506490868766579aa65546b64c5cc02",
      oci: "ea90058bed1c3b35b1d64e4e47635fe54a859c53b429f15363b805a8be0cec66",
      docker: "a422013d9ec65e2b8359059ea7aa512b4a54e085d295dda8135186f771d6680f",
    });
  });

  test("an archive of several platforms has what the client attests by default", async () => {
    await build(engine, "--platform=linux/amd64,linux/arm64", "-o", "type=oci,dest=out.several.tar");
    const archive = join(folder, "out.several.tar");
    const index = JSON.parse(await must("tar", ["-xOf", archive, "index.json"])) as Listed;
    const [, hex = ""] = index.manifests[0]?.digest.split(":") ?? [];
    const { manifests } = JSON.parse(await must("tar", ["-xOf", archive, `blobs/sha256/${hex}`])) as Listed;
    const kinds = manifests.map((one) => one.annotations?.["vnd.docker.reference.type"] ?? one.platform?.architecture);
    assert.deepEqual(kinds, ["amd64", "arm64", "attestation-manifest", "attestation-manifest"]);
  });

  test("an archive of docker's format loads, with the image ID that the build had", async () => {
    const told = await build(engine, "-o", "type=docker,dest=out.docker.tar,name=outputs-a:1,compression=zstd");
    const id = /exporting config (sha256:[0-9a-f]{64})/.exec(told)?.[1];
    assert.equal(await other.docker(["load", "-i", join(folder, "out.docker.tar")]), "Loaded image: outputs-a:1\n");
    assert.equal((await other.docker(["image", "inspect", "-f", "{{.Id}}", "outputs-a:1"])).trim(), id);
  });

  test("a build for two platforms is pushed as an index with its annotations and attestations", async () => {
    const name = `${registry.address}/outputs/multi:1`;
    const platforms = "--platform=linux/amd64,linux/arm64";
    await build(engine, platforms, "-t", name, "--push", "--provenance=mode=max", "--annotation", "index:a=b");
    const { manifests, annotations } = await listOf("outputs/multi", "1");
    assert.deepEqual(annotations, { a: "b" });
    const kinds = manifests.map((one) => one.annotations?.["vnd.docker.reference.type"] ?? one.platform?.architecture);
    assert.deepEqual(kinds, ["amd64", "arm64", "attestation-manifest", "attestation-manifest"]);
    await other.docker(["pull", "--platform=linux/arm64", name]);
    const inspect = await other.docker(["image", "inspect", "-f", "{{.Architecture}} {{.Config.Labels}}", name]);
    assert.equal(inspect, "arm64 map[arch:arm64]\n");
    const provenance = await must(
      "docker",
      ["buildx", "imagetools", "inspect", name, "--format", "{{json .Provenance}}"],
      {
        env: engine.env,
      },
    );
    assert.match(provenance, /"buildType": "https:\/\/mobyproject\.org\/buildkit@v1"/);
  });

  test("a cache in a registry or a directory spares another machine the steps, and gives the same image", async () => {
    const ref = `${registry.address}/outputs/cache:1`;
    const registryTo = `type=registry,ref=${ref},mode=max`;
    const both = ["--cache-to", registryTo, "--cache-to", "type=local,dest=out.cache,mode=max"];
    const told = await build(engine, "-t", "outputs-c:1", ...both);
    assert.match(told, /exporting cache to registry\n#\d+ preparing build cache for export/);
    const id = await engine.docker(["image", "inspect", "-f", "{{.Id}}", "outputs-c:1"]);
    for (const from of [`type=registry,ref=${ref}`, "type=local,src=out.cache"]) {
      await other.docker(["builder", "prune", "-af"]);
      const again = await build(other, "-t", "outputs-c:1", "--cache-from", from);
      assert.match(again, /importing cache manifest from/);
      assert.equal(again.match(/^#\d+ CACHED$/gm)?.length, 2, again);
      assert.equal(await other.docker(["image", "inspect", "-f", "{{.Id}}", "outputs-c:1"]), id);
      await other.docker(["rmi", "outputs-c:1"]);
    }
  });

  test("an epoch makes two builds the same bytes", async () => {
    const env = { ...engine.env, SOURCE_DATE_EPOCH: "1000000" };
    for (const dest of ["out.1", "out.2"]) {
      const output = `type=oci,dest=${dest},rewrite-timestamp=true`;
      await must("docker", ["build", "-q", "--no-cache", "-o", output, "."], { cwd: folder, env });
    }
    assert.ok(statSync(join(folder, "out.1")).size > 0);
    assert.deepEqual(readFileSync(join(folder, "out.1")), readFileSync(join(folder, "out.2")));
  });

  test("what cannot be is refused before anything is done", async () => {
    const refuses = (output: string, message: RegExp): Promise<void> =>
      assert.rejects(build(engine, "-o", output), { message });
    await refuses("type=oci,dest=out.x,compression=lzma", /unsupported compression type lzma/);
    await refuses("type=nosuch,dest=out.x", /exporter "nosuch" could not be found/);
  });
});
