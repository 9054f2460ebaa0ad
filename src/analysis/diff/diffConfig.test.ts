import assert from "node:assert/strict";
import { test } from "node:test";
import { diffConfig } from "#analysis";
import type { ContainerDefaults, ImageConfig } from "#oci";

function config(defaults: ContainerDefaults | undefined, more: Partial<ImageConfig> = {}): ImageConfig {
  return {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [] },
    ...(defaults === undefined ? {} : { config: defaults }),
    ...more,
  };
}

const told = (a: ImageConfig, b: ImageConfig): readonly string[] =>
  diffConfig(a, b).map(
    ({ field, key, before, after }) => `${field}${key === undefined ? "" : `[${key}]`}: ${before} → ${after}`,
  );

test("config: variables and labels by name, ports and volumes as sets", () => {
  const a = config({
    Env: ["A=1", "B=x=y", "GONE", "SAME=1"],
    Labels: { l: "1" },
    ExposedPorts: { "80/tcp": {} },
    Volumes: null,
  });
  const b = config({ Env: ["SAME=1", "B=z", "A=1", "NEW="], Labels: { l: "2" }, Volumes: { "/data": {} } });
  assert.deepEqual(told(a, b), [
    "Env[B]: x=y → z",
    "Env[GONE]:  → undefined",
    "Env[NEW]: undefined → ",
    "Labels[l]: 1 → 2",
    "ExposedPorts[80/tcp]:  → undefined",
    "Volumes[/data]: undefined → ",
  ]);
});

test("config: commands as JSON, texts as they are, the platform first", () => {
  const a = config({ Cmd: ["sh"], User: "0", Healthcheck: { Test: ["NONE"] } });
  const b = config(
    { Cmd: ["sh", "-c"], Entrypoint: ["/e"], User: "", WorkingDir: "/w" },
    { architecture: "arm64", variant: "v8" },
  );
  assert.deepEqual(told(a, b), [
    "architecture: amd64 → arm64",
    "variant: undefined → v8",
    'Entrypoint: undefined → ["/e"]',
    'Cmd: ["sh"] → ["sh","-c"]',
    "User: 0 → undefined",
    "WorkingDir: undefined → /w",
    'Healthcheck: {"Test":["NONE"]} → undefined',
  ]);
});

test("config: absent, null and empty are one; when it was made does not matter", () => {
  const a = config(undefined, { created: "2024-01-01T00:00:00Z" });
  assert.deepEqual(told(a, config({ Cmd: null, Env: [], User: "", Labels: {} })), []);
  assert.deepEqual(told(a, a), []);
});
