import assert from "node:assert/strict";
import { test } from "node:test";
import { formatImageSource, parseImageSource } from "#transports";

const DIGEST = `sha256:${"a".repeat(64)}`;

test("image source: files, with and without the image's name", () => {
  const rows = [
    ["docker-archive:a.tar", "docker-archive", "a.tar", undefined],
    ["docker-archive:/tmp/a b.tar:nginx:latest", "docker-archive", "/tmp/a b.tar", "nginx:latest"],
    ["docker-archive:a.tar:host:5000/x@y", "docker-archive", "a.tar", "host:5000/x@y"],
    ["oci-archive:./a@b.tar", "oci-archive", "./a@b.tar", undefined],
    ["oci-layout:dir:v1", "oci-layout", "dir", "v1"],
    ["oci-layout://dir", "oci-layout", "dir", undefined],
    ["oci-layout:///dir", "oci-layout", "///dir", undefined],
    [`oci-layout:dir@${DIGEST}`, "oci-layout", "dir", DIGEST],
  ] as const;
  for (const [text, transport, path, image] of rows) {
    assert.deepEqual(parseImageSource(text), { transport, path, image }, text);
  }
});

test("image source: registries, with the default tag", () => {
  for (const text of ["registry:nginx", "docker://nginx", "registry://nginx"]) {
    const source = parseImageSource(text);
    assert.ok(source !== undefined);
    assert.equal(formatImageSource(source), "registry:docker.io/library/nginx:latest");
  }
  const source = parseImageSource(`registry:127.0.0.1:5000/a/b@${DIGEST}`);
  assert.equal(source?.transport === "registry" && source.reference.domain, "127.0.0.1:5000");
});

test("image source: everything else is a reference in a store", () => {
  for (const text of [
    "nginx",
    "nginx:latest",
    "registry",
    "registry:2",
    "registry:3.0.0-rc.1",
    "registry:latest",
    "docker:28-cli",
    "host/registry:x",
    `registry:2@${DIGEST}`,
    DIGEST,
    "",
  ]) {
    assert.equal(parseImageSource(text), undefined, text);
  }
});

test("image source: a source that names nothing, or no reference, is refused", () => {
  for (const text of ["docker-archive:", "oci-layout::v1", "registry:", "registry:a/UPPER", "oci-archive:a\0b"]) {
    assert.throws(() => parseImageSource(text), text);
  }
});
