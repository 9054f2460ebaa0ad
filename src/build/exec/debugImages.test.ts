import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "#errors";
import type { BuiltImage, ImageBuilding } from "#images";
import { openMetadata } from "#metadata";
import { digestOf } from "#oci";
import type { Vertex } from "../graph/vertex.ts";
import type { BuildPlan } from "../plan.ts";
import { createDebugImages } from "./debugImages.ts";

const BASE = digestOf("layer");

const run = {
  digest: digestOf("run"),
  operation: {
    kind: "exec",
    arguments: ["/bin/bash", "-c", "make"],
    environment: ["A=b"],
    workingDirectory: "/w",
    user: "web",
    platform: { os: "linux", architecture: "amd64" },
  },
  inputs: [],
} as unknown as Vertex;
const copy = { digest: digestOf("copy"), operation: { kind: "file" }, inputs: [run] } as unknown as Vertex;
const plan = { targets: [{ vertex: copy }] } as unknown as BuildPlan;

const failure = (details: Readonly<Record<string, unknown>>): EngineError =>
  new EngineError("internal", "X", "exit code: 1", { details });

test("debug images: what a RUN began with, in its environment", async () => {
  const recorded: BuiltImage[] = [];
  const images: Partial<ImageBuilding> = {
    recordBuilt: async (image) => {
      recorded.push(image);
      return digestOf(image.config);
    },
  };
  using metadata = openMetadata(":memory:");
  const debugImages = createDebugImages({ images: images as ImageBuilding, metadata });
  const found = await debugImages.record(plan, failure({ vertex: run.digest, base: [BASE] }));
  assert.deepEqual(found?.command, ["/bin/bash"]);
  const [image] = recorded;
  assert.deepEqual([image?.diffIds, image?.names], [[BASE], []]);
  assert.deepEqual(JSON.parse(Buffer.from(image?.config ?? []).toString()), {
    architecture: "amd64",
    os: "linux",
    config: { Env: ["A=b"], WorkingDir: "/w", User: "web", Cmd: ["/bin/bash"] },
    rootfs: { type: "layers", diff_ids: [BASE] },
  });
});

test("debug images: none for what is no RUN's failure", async () => {
  using metadata = openMetadata(":memory:");
  const debugImages = createDebugImages({ images: {} as ImageBuilding, metadata });
  assert.equal(await debugImages.record(plan, failure({ vertex: copy.digest, base: [BASE] })), undefined);
  assert.equal(await debugImages.record(plan, failure({ vertex: digestOf("other"), base: [BASE] })), undefined);
  assert.equal(await debugImages.record(plan, new Error("other")), undefined);
});
