import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorCode, hasCode } from "#errors";
import { MAX_CONFIG_BYTES, parseImageConfig } from "./imageConfig.ts";

const DIFF_ID = `sha256:${"b".repeat(64)}`;
const CONFIG = {
  architecture: "amd64",
  os: "linux",
  config: { Env: ["PATH=/bin"], Cmd: ["sh"], Labels: { a: "b" } },
  rootfs: { type: "layers", diff_ids: [DIFF_ID] },
  history: [{ created: "2024-01-01T00:00:00Z", created_by: "ADD x" }, { empty_layer: true }],
};
const parse = (value: unknown): ReturnType<typeof parseImageConfig> =>
  parseImageConfig(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));

function refused(value: unknown, message: RegExp): void {
  assert.throws(
    () => parse(value),
    (error: unknown) => {
      assert.match((error as Error).message, message);
      return hasCode(error, ErrorCode.INVALID_IMAGE_CONFIG) || hasCode(error, ErrorCode.INVALID_DIGEST);
    },
  );
}

test("parseImageConfig: reads a whole config and keeps unknown fields", () => {
  assert.deepEqual(parse({ ...CONFIG, "moby.buildkit.cache.v0": "x" }), { ...CONFIG, "moby.buildkit.cache.v0": "x" });
});

test("parseImageConfig: leaves out config and history that are null or absent", () => {
  const { rootfs } = CONFIG;
  for (const value of [{ rootfs }, { rootfs, config: null, history: null }]) {
    assert.deepEqual(parse(value), { architecture: "", os: "linux", rootfs });
  }
});

test("parseImageConfig: takes null inside config, as Docker writes it", () => {
  const config = {
    Env: null,
    Cmd: null,
    Entrypoint: null,
    Labels: null,
    Volumes: null,
    ExposedPorts: null,
    OnBuild: null,
  };
  assert.deepEqual(parse({ ...CONFIG, config }).config, config);
});

test("parseImageConfig: an image may have no layers", () => {
  for (const rootfs of [{}, { type: "layers" }, { type: "layers", diff_ids: null }, { type: "layers", diff_ids: [] }]) {
    assert.deepEqual(parse({ rootfs }).rootfs, { type: "layers", diff_ids: [] });
  }
});

test("parseImageConfig: names what has the wrong shape", () => {
  for (const text of ["", "{", "null", "[]", "7"]) refused(text, /^invalid image config: not/);
  refused({}, /rootfs\.diff_ids is missing/);
  refused({ rootfs: null }, /rootfs\.diff_ids is missing/);
  refused({ rootfs: { diff_ids: "x" } }, /rootfs\.diff_ids is not a list/);
  refused({ rootfs: { type: "snapshot" } }, /rootfs\.type is "snapshot"/);
  refused({ rootfs: { diff_ids: ["../x"] } }, /invalid digest/);
  refused({ rootfs: { diff_ids: [null] } }, /invalid digest/);
  refused({ ...CONFIG, history: {} }, /history is not a list/);
  refused({ ...CONFIG, history: [{}, null] }, /history\[1\] is not an object/);
  refused({ ...CONFIG, config: [] }, /config is not an object/);
  refused({ ...CONFIG, config: "x" }, /config is not an object/);
});

test("parseImageConfig: checks the fields that a container is made from", () => {
  const wrong: Readonly<Record<string, unknown>> = {
    User: 0,
    WorkingDir: ["/"],
    StopSignal: 15,
    Env: { A: "b" },
    Cmd: "sh -c x",
    Entrypoint: [7],
    OnBuild: "RUN x",
    Shell: [null],
    Labels: { a: 1 },
    ExposedPorts: ["80/tcp"],
    Volumes: "/data",
    Healthcheck: "curl",
  };
  for (const [key, value] of Object.entries(wrong)) {
    refused({ ...CONFIG, config: { [key]: value } }, new RegExp(`^invalid image config: config\\.${key} is not`));
  }
});

test("parseImageConfig: bounds the bytes", () => {
  assert.throws(
    () => parseImageConfig(new Uint8Array(MAX_CONFIG_BYTES + 1)),
    /8388609 bytes, at most 8388608 are read/,
  );
});
