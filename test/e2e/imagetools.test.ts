/** `buildx imagetools …` of the real plugin and ours: what they print, and what is in the registry then. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import { startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";

const DOCKERFILE = "FROM scratch\nARG TARGETARCH\nLABEL note='<a> & b' arch=$TARGETARCH\nWORKDIR /$TARGETARCH\n";
const TYPES = [
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
];

/** Without what a clock tells, and what a map of Go puts in any order. */
const masked = (text: string): string =>
  text
    .replaceAll(/^(?:#\d )?\d+\.\d{3} /gm, "T ")
    .replaceAll(/DONE \d+\.\d+s/g, "DONE T")
    .replaceAll(/(?:^T copying .*\n)+/gm, (lines) => lines.split("\n").sort().join("\n"))
    .replaceAll(/(?:^ {4}\S+: +\S+\n)+/gm, (lines) => lines.split("\n").sort().join("\n"));

describe("imagetools", () => {
  let daemon: TestDaemon;
  let registry: TestRegistry;
  let folder: string;
  let config: string;

  const nameOf = (name: string): string => `${registry.address}/${name}`;
  const ran = async (program: "docker" | "varve", args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await daemon[program](["buildx", "imagetools", ...args], {
      cwd: folder,
      env: { DOCKER_CONFIG: config },
    });
    return `${stdout}${masked(stderr)}${code}`;
  };
  const both = async (...args: readonly string[]): Promise<string> => {
    const docker = await ran("docker", args);
    assert.equal(masked(await ran("varve", args)), masked(docker), args.join(" "));
    return docker;
  };
  const fetched = async (repository: string, place: string): Promise<string> => {
    const url = `http://${registry.address}/v2/${repository}/manifests/${place}`;
    const response = await fetch(url, { headers: { Accept: TYPES.join(", ") } });
    assert.equal(response.status, 200, url);
    return `${response.headers.get("content-type")}\n${await response.text()}`;
  };
  const digestOf = (name: string): Promise<string> =>
    daemon
      .mustVarve(["buildx", "imagetools", "inspect", "--format", "{{json .Manifest.Digest}}", nameOf(name)])
      .then((text) => String(JSON.parse(text)));

  before(async () => {
    daemon = await startDaemon();
    registry = await startRegistry();
    folder = mkdtempSync(join(tmpdir(), "varve-imagetools-"));
    config = await pluginConfig();
    const build = (...args: readonly string[]): Promise<string> =>
      daemon.mustVarve(["build", "-q", ...args, "-"], { input: DOCKERFILE });
    const platforms = "--platform=linux/amd64,linux/arm/v7";
    await build("--provenance=true", platforms, "--push", "-t", nameOf("team/attested"));
    await build(
      "--provenance=false",
      platforms,
      "--annotation=manifest-descriptor:k=v",
      "--push",
      "-t",
      nameOf("team/oci"),
    );
    await build("--provenance=false", platforms, "--push", "-t", nameOf("team/docker"));
    for (const architecture of ["amd64", "arm64"]) {
      await build(`--platform=linux/${architecture}`, "-t", nameOf(`team/one:${architecture}`));
      await daemon.mustVarve(["push", "-q", nameOf(`team/one:${architecture}`)]);
    }
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("inspect: text, raw bytes and templates of an image, a list, an index with attestations", async () => {
    const formats = [
      "{{.Name}}",
      "{{.Manifest}}",
      "{{ .Manifest.Digest }}",
      "{{json .}}",
      "{{json .Manifest}}",
      "{{json .Image}}",
      "{{json .Provenance}}",
      "{{json .SBOM}}",
      '{{json (index .Image "linux/amd64")}}',
      "{{range .Image}}{{.Architecture}}{{.Config.Labels}}{{end}}",
      "before {{.Nope}}",
      "{{",
    ];
    for (const name of ["team/attested", "team/oci", "team/docker", "team/one:amd64"]) {
      assert.match(await both("inspect", nameOf(name)), /^Name: /);
      await both("inspect", "--raw", nameOf(name));
      // Go prints a nested struct with braces of its own.
      for (const format of name.includes(":") ? formats.filter((one) => !one.includes("range")) : formats)
        await both("inspect", "--format", format, nameOf(name));
    }
    assert.match(await both("inspect", "--format", "{{json .Provenance}}", nameOf("team/attested")), /"SLSA"/);
    await both("inspect", nameOf(`team/oci@${await digestOf("team/oci")}`));
    assert.match(await both("inspect", nameOf("team/none")), /:latest: not found\n1$/);
    await both("inspect", "--raw", "--format", "x", nameOf("team/oci"));
    await both("inspect", "UPPER");
  });

  test("create --dry-run: what the new index would be", async () => {
    const one = await digestOf("team/one:amd64");
    const platform = { os: "linux", architecture: "arm", variant: "v5" };
    writeFileSync(
      join(folder, "one.json"),
      JSON.stringify({ digest: one, platform, annotations: { b: "c", a: "<>" } }),
    );
    writeFileSync(join(folder, "wrong.json"), JSON.stringify({ digest: one, size: 3 }));
    const dry = (...args: readonly string[]): Promise<string> => both("create", "--dry-run", ...args);
    const [amd64, arm64, oci] = [nameOf("team/one:amd64"), nameOf("team/one:arm64"), nameOf("team/oci")];
    await dry(amd64, arm64);
    await dry(amd64);
    await dry(oci);
    await dry(oci, amd64, nameOf("team/attested"), nameOf("team/docker"));
    await dry("-f", "one.json", "-t", nameOf("team/one:new"));
    await dry("-f", "one.json", arm64);
    await dry("--append", "-t", nameOf("team/docker"), amd64);
    await dry(one, "-t", nameOf("team/one:new"));
    for (const annotation of [
      "index:a=b",
      "manifest-descriptor[linux/amd64]:c=<d>",
      "a=b",
      "manifest:a=b",
      "index-descriptor:a=b",
      "other:a=b",
      "ab",
    ]) {
      await dry("--annotation", annotation, oci);
      await dry("--annotation", annotation, amd64);
    }
    for (const wrong of [
      ["-f", "wrong.json", "-t", nameOf("team/one:new")],
      ["-f", "absent.json", amd64],
      [one],
      [one, amd64, oci],
      ["sha256:abc"],
      ["UPPER"],
      ['{"x'],
      [nameOf("team/none")],
      [amd64, "-t", "UPPER"],
    ])
      assert.match(await dry(...wrong), /ERROR: [^]*\n1$/);
    await both("create");
    await both("create", amd64);
    await both("create", "--progress", "other", "-t", amd64, amd64);
  });

  test("create: the same is in the registry, whoever made it; what other repositories hold comes along", async () => {
    const made = async (program: "docker" | "varve", name: string): Promise<readonly string[]> => {
      const create = (...args: readonly string[]): Promise<string> =>
        ran(program, ["create", "--progress", "plain", ...args]).then((text) => text.replaceAll(name, "NAME"));
      const texts = [
        await create("-t", nameOf(`${name}:one`), nameOf("team/one:amd64"), nameOf("team/one:arm64")),
        await create("-t", nameOf(`${name}:all`), nameOf("team/attested")),
        await create("--append", "-t", nameOf(`${name}:one`), nameOf("team/docker")),
        await create("-t", nameOf(`${name}:same`), nameOf(`${name}:one`)),
      ];
      for (const text of texts) assert.match(text, /pushing sha256:[^]*DONE T\n[^]*0$/);
      for (const place of ["one", "all", "same"]) {
        const text = await fetched(name, place);
        texts.push(text);
        for (const [digest] of text.matchAll(/sha256:[0-9a-f]{64}(?=",\n? *"size"|",\n? *"platform")/g))
          texts.push(await fetched(name, digest));
      }
      await daemon.mustDocker(["pull", "-q", nameOf(`${name}:all`)]);
      return texts;
    };
    assert.deepEqual(await made("varve", "team/ours"), await made("docker", "team/theirs"));
    const tags = ["-t", nameOf("team/new:a"), "-t", nameOf("team/newer:b")];
    assert.match(await ran("varve", ["create", ...tags, nameOf("team/attested")]), /0$/);
    assert.equal(await fetched("team/new", "a"), await fetched("team/newer", "b"));
  });
});
