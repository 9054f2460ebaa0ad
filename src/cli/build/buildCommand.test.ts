import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, test } from "node:test";
import { writeTarStream } from "#tar";
import { parseFlags } from "../core/parseFlags.ts";
import { buildAttributes } from "./buildAttributes.ts";
import { BUILD_FLAGS } from "./buildFlags.ts";
import type { BuildFlags } from "./buildFlags.ts";
import { callResult } from "./callResult.ts";
import { contextSource, namedContexts } from "./contextSource.ts";
import { sourceExcerpt } from "./excerpt.ts";
import { outputsOf } from "./outputs.ts";
import { explanationText, imageIdOf } from "./results.ts";
import { writeOutput } from "./writeOutput.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "varve-build-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function flags(...args: readonly string[]): BuildFlags {
  return parseFlags(args, BUILD_FLAGS, { interspersed: true }).values as unknown as BuildFlags;
}

const attributes = (...args: readonly string[]): Readonly<Record<string, string>> =>
  buildAttributes(flags(...args), { OWN: "mine" });

test("build attributes: nothing given is local images first", () => {
  assert.deepEqual(attributes(), { "image-resolve-mode": "local" });
});

test("build attributes: flags by the frontend's names", () => {
  assert.deepEqual(
    attributes(
      "--build-arg",
      "A=1=2",
      "--build-arg",
      "OWN",
      "--build-arg",
      "NONE",
      "--label",
      "l",
      "--pull",
      "--target",
      "t",

      "--no-cache-filter",
      "a",
      "--no-cache-filter",
      "b",
      "--platform",
      "linux/AMD64,linux/arm64",
      "--network",
      "host",

      "--add-host",
      "h:1.2.3.4",
      "--shm-size",
      "1k",
      "--ulimit",
      "nofile=1:2",
      "--cgroup-parent",
      "c",
      "--sbom=true",
    ),
    {
      "build-arg:A": "1=2",
      "build-arg:OWN": "mine",
      "label:l": "",
      "image-resolve-mode": "pull",
      target: "t",
      "no-cache": "a,b",
      platform: "linux/amd64,linux/arm64",
      "force-network-mode": "host",
      "add-hosts": "h=1.2.3.4",
      "shm-size": "1024",
      ulimit: "nofile=1:2",
      "cgroup-parent": "c",
      "attest:sbom": "type=sbom",
    },
  );
  assert.equal(attributes("--no-cache", "--no-cache-filter", "a")["no-cache"], "");
  assert.equal(attributes("--check")["requestid"], "frontend.lint");
  assert.throws(() => attributes("--network", "foo"), /network mode "foo" not supported by buildkit/);
  assert.throws(() => attributes("--call", "foo"), /unknown call method "foo"/);
});

const outputs = (...args: readonly string[]): unknown =>
  outputsOf(flags(...args), new PassThrough()).map(({ request, destination }) => [request, destination]);

test("outputs: an image by default; tags, push and annotations are the image's", () => {
  assert.deepEqual(outputs(), [[{ type: "moby", attributes: {} }, ""]]);
  assert.deepEqual(outputs("-t", "a", "-t", "b:1", "--push", "--annotation", "index,manifest[linux/amd64]:k=v"), [
    [
      {
        type: "moby",
        attributes: {
          push: "true",
          name: "a,b:1",
          "annotation-index.k": "v",
          "annotation-manifest[linux/amd64].k": "v",
        },
      },
      "",
    ],
  ]);
  assert.deepEqual(outputs("--load", "-o", "type=registry,name=x"), [
    [{ type: "moby", attributes: { push: "true", name: "x" } }, ""],
    [{ type: "moby", attributes: {} }, ""],
  ]);
});

test("outputs: files and directories stay with us", () => {
  assert.deepEqual(outputs("-o", "type=local,dest=/o"), [[{ type: "local", attributes: {} }, "/o"]]);
  assert.deepEqual(outputs("-o", "type=oci,dest=/o,tar=false", "-t", "x"), [
    [{ type: "oci", attributes: { name: "x" } }, "/o"],
  ]);
  assert.deepEqual(outputs("-o", "type=tar"), [[{ type: "tar", attributes: {} }, "-"]]);
  for (const [args, message] of [
    [["-o", "type=local"], "dest is required for local exporter"],
    [["-o", "type=local,dest=-"], "dest cannot be stdout for local exporter"],
    [["-o", `type=tar,dest=${folder}`], `destination file ${folder} is a directory`],
    [["--push"], "tag is needed when pushing to registry"],
    [["-o", "x", "--iidfile", "y"], "local and tar exporters are incompatible with image ID file"],
    [["--annotation", "x"], 'invalid annotation "x", expected key=value'],
    [["-t", "A"], /^invalid tag "A"/],
  ] as const) {
    assert.throws(() => outputs(...args), { message });
  }
});

test("outputs: a tree is unpacked below its directory, links lead where they like and are not followed", async () => {
  const [output] = outputsOf(flags("-o", join(folder, "out")), new PassThrough());
  assert.ok(output !== undefined);
  const link = { header: { path: "l", type: "symlink" as const, linkPath: "/etc" } };
  await writeOutput(output, writeTarStream([link]), new PassThrough());
  const behind = { header: { path: "l/x", type: "file" as const, size: 0 } };
  await assert.rejects(
    writeOutput(output, writeTarStream([link, behind]), new PassThrough()),
    /nothing is put behind it/,
  );
  const outside = { header: { path: "../x", type: "file" as const, size: 0 } };
  await assert.rejects(writeOutput(output, writeTarStream([outside]), new PassThrough()), /is outside of/);
});

const stdin = (...chunks: readonly (string | Uint8Array)[]): Readable =>
  Readable.from(chunks.map((one) => Buffer.from(one)));

test("context: a directory, with its Dockerfile or one elsewhere", async () => {
  mkdirSync(join(folder, "d"));
  writeFileSync(join(folder, "dockerfile"), "");
  const plain = await contextSource(folder, "", () => stdin());
  assert.equal(plain.attributes["filename"], "dockerfile");
  assert.equal(plain.directories["context"]?.path, folder);
  assert.equal(plain.directories["context"]?.inode, plain.directories["dockerfile"]?.inode);
  const elsewhere = await contextSource(folder, join(folder, "d/File"), () => stdin());
  assert.equal(elsewhere.attributes["filename"], "File");
  assert.equal(elsewhere.directories["dockerfile"]?.path, join(folder, "d"));
  await assert.rejects(
    contextSource(join(folder, "no"), "", () => stdin()),
    /^Error: unable to prepare context: path ".*" not found$/,
  );
});

test("context: standard input as Dockerfile, or as archive", async () => {
  const dockerfile = await contextSource("-", "", () => stdin("FROM ", "x"));
  assert.equal(Buffer.from(dockerfile.inlineDockerfile ?? []).toString(), "FROM x");
  assert.deepEqual(dockerfile.directories["context"], { path: "/", device: "", inode: "" });
  const inside = await contextSource(folder, "-", () => stdin("FROM x"));
  assert.equal(inside.attributes["dockerfilekey"], "dockerfile");
  assert.equal(inside.directories["context"]?.path, folder);
  const tar = Buffer.concat(await Array.fromAsync(writeTarStream([{ header: { path: "a", type: "file", size: 0 } }])));
  const archive = await contextSource("-", "sub/File", () => stdin(tar.subarray(0, 100), tar.subarray(100)));
  assert.equal(archive.attributes["filename"], "sub/File");
  assert.equal(archive.attributes["context"], "http://buildkit-session/stdin");
  assert.equal((await text(Readable.from(archive.upload ?? []))).length, tar.length);
  await assert.rejects(
    contextSource("-", "-", () => stdin()),
    /can't use stdin for both build context and dockerfile/,
  );
  await assert.rejects(
    contextSource("-", "File", () => stdin("FROM x")),
    /ambiguous Dockerfile source/,
  );
});

test("context: from the net; named ones by what they are", async () => {
  const remote = await contextSource("https://example.com/x.git#main", "sub/File", () => stdin());
  assert.deepEqual(remote.attributes, { context: "https://example.com/x.git#main", filename: "sub/File" });
  const named = namedContexts(
    new Map([
      ["base", "docker-image://x"],
      ["context", folder],
    ]),
  );
  assert.equal(named.attributes["context:base"], "docker-image://x");
  assert.equal(named.attributes["context:context"], "local:_context");
  assert.equal(named.directories["_context"]?.path, folder);
  assert.throws(() => namedContexts(new Map([["a", "nosuch"]])), {
    message: "failed to get build context a: stat nosuch: no such file or directory",
  });
});

test("excerpt: the lines that are meant, with some around them", () => {
  const lines = Array.from({ length: 9 }, (_, index) => `L${index + 1}`).join("\n");
  assert.equal(
    sourceExcerpt({ filename: "Dockerfile", text: lines, ranges: [{ start: 5, end: 5 }] }),
    `Dockerfile:5
--------------------
   3 |     L3
   4 |     L4
   5 | >>> L5
   6 |     L6
   7 |     L7
--------------------
`,
  );
  assert.equal(
    sourceExcerpt({ filename: "D", text: "FROM x\nFOO\n", ranges: [{ start: 2, end: 2 }] }),
    "D:2\n--------------------\n   1 |     FROM x\n   2 | >>> FOO\n   3 |     \n--------------------\n",
  );
  assert.equal(sourceExcerpt({ filename: "D", text: "x", ranges: [] }), "");
});

test("results: the image's id, and why a step ran", () => {
  assert.equal(imageIdOf({ "containerimage.digest": "a", "containerimage.config.digest": "b" }), "b");
  assert.equal(imageIdOf({ "containerimage.digest": "a" }), "a");
  const changes = [
    { kind: "file", input: "src/a.ts", before: "1", after: "2" },
    { kind: "file", input: "src/b.ts", after: "2" },
    { kind: "value", input: "env CC", before: "gcc", after: "clang" },
  ] as const;
  assert.equal(
    explanationText({ vertex: "v", name: "[2/2] RUN make", reason: "inputs changed", changes }),
    " => [2/2] RUN make: changed since it was built\n     ~ src/a.ts\n     + src/b.ts (new)\n     ~ env CC: gcc -> clang\n",
  );
});

test("call: answers as text or JSON, the check's own words around it, no answer is an error", () => {
  const call = { name: "lint", request: "frontend.lint", format: "", ignoreStatus: false };
  const none = { "result.json": '{"warnings":[]}', "result.txt": "" };
  assert.deepEqual(callResult(call, none), { text: "Check complete, no warnings found.\n", exitCode: 0 });
  const two = { "result.json": '{"warnings":[1,2]}', "result.txt": "text\n", "result.statuscode": "1" };
  const found = "Check complete, 2 warnings have been found!\ntext\n";
  assert.deepEqual(callResult(call, two), { text: found, exitCode: 1 });
  assert.deepEqual(callResult({ ...call, format: "json", ignoreStatus: true }, two), {
    text: '{"warnings":[1,2]}\n',
    exitCode: 0,
  });
  assert.throws(() => callResult(call, {}), { message: "the engine gave no answer to --call=lint" });
});
