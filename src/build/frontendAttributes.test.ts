import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFrontendAttributes } from "./frontendAttributes.ts";

test("frontend attributes: nothing given is BuildKit's defaults", () => {
  const options = parseFrontendAttributes({});
  assert.equal(options.filename, "Dockerfile");
  assert.equal(options.imageResolveMode, "default");
  assert.equal(options.networkMode, "default");
  assert.deepEqual(options.noCache, []);
  assert.equal(options.dockerfileDirectory, "dockerfile");
  assert.equal(options.contextDirectory, "context");
  assert.equal(options.multiPlatform, false);
});

test("frontend attributes: maps by prefix, lists, sizes and modes", () => {
  const options = parseFrontendAttributes({
    filename: "sub/File",
    "build-arg:A": "1=2",
    "build-arg:BUILDKIT_MULTI_PLATFORM": "1",
    "label:a.b": "c",
    "no-cache": "",
    platform: "linux/amd64, linux/arm64",
    "add-hosts": "a=1.2.3.4,b=::1",
    ulimit: "nofile=10:20,nproc=5",
    "shm-size": "1024",
    "force-network-mode": "host",
    "context:base": "docker-image://x",
    "context:other::linux/arm64": "local:other",
    "sharedkey:localdir:context": "k",
    memory: "5",
  });
  assert.equal(options.filename, "sub/File");
  assert.equal(options.buildArguments.get("A"), "1=2");
  assert.equal(options.multiPlatform, true);
  assert.equal(options.labels.get("a.b"), "c");
  assert.equal(options.noCache, "all");
  assert.deepEqual(
    options.platforms.map((platform) => platform.architecture),
    ["amd64", "arm64"],
  );
  assert.deepEqual(options.addHosts, ["a=1.2.3.4", "b=::1"]);
  assert.deepEqual(options.ulimits, ["nofile=10:20", "nproc=5"]);
  assert.equal(options.shmSize, 1024);
  assert.equal(options.networkMode, "host");
  assert.deepEqual([...options.namedContexts.keys()], ["base", "other::linux/arm64"]);
  assert.equal(options.sharedKeys.get("context"), "k");
  assert.deepEqual(options.limits, { memory: "5" });
  assert.deepEqual(parseFrontendAttributes({ "no-cache": "a,b" }).noCache, ["a", "b"]);
});

test("frontend attributes: values that mean nothing are refused", () => {
  for (const attributes of [
    { "force-network-mode": "bridge" },
    { "image-resolve-mode": "x" },
    { "shm-size": "1g" },
    { "multi-platform": "maybe" },
    { platform: "linux/" },
  ]) {
    assert.throws(
      () => parseFrontendAttributes(attributes),
      { category: "invalid_argument" },
      JSON.stringify(attributes),
    );
  }
});
