import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeldMounts, StepMount } from "#containers";
import { EngineError } from "#errors";
import type { BuiltImage, ImageBuilding } from "#images";
import { openMetadata } from "#metadata";
import type { Metadata } from "#metadata";
import { digestOf } from "#oci";
import type { Vertex } from "../graph/vertex.ts";
import type { BuildPlan } from "../plan.ts";
import type { BuildSession } from "../session.ts";
import type { CacheMounts } from "./cacheMounts.ts";
import { createDebugShells } from "./debugShells.ts";
import type { DebugShellOptions, FailedBuild } from "./debugShells.ts";

const BASE = digestOf("layer");

const run = {
  digest: digestOf("run"),
  operation: {
    kind: "exec",
    arguments: ["/bin/bash", "-c", "make"],
    environment: ["A=b"],
    workingDirectory: "/w",
    user: "web",
    network: "none",
    mounts: [
      { type: "secret", id: "s", target: "/run/s", environment: "S", required: true, mode: 0o400, uid: 0, gid: 0 },
      { type: "tmpfs", target: "/tmp", size: 8 },
    ],
    platform: { os: "linux", architecture: "amd64" },
  },
  inputs: [],
} as unknown as Vertex;
const copy = { digest: digestOf("copy"), operation: { kind: "file" }, inputs: [run] } as unknown as Vertex;
const plan = { targets: [{ vertex: copy }] } as unknown as BuildPlan;
const session: Partial<BuildSession> = { secret: async () => Buffer.from("hush") };

function failed(error: unknown): FailedBuild {
  return { plan, session: session as BuildSession, error, signal: new AbortController().signal };
}

const failure = (details: Readonly<Record<string, unknown>>): EngineError =>
  new EngineError("internal", "X", "exit code: 1", { details });
const INPUTS = [{ kind: "layers", diffIds: [BASE] }];

class Rooms {
  readonly recorded: BuiltImage[] = [];
  readonly opened: StepMount[] = [];
  closed = 0;
  mountError: Error | undefined;

  options(metadata: Metadata): DebugShellOptions {
    const images: Partial<ImageBuilding> = {
      recordBuilt: async (image) => {
        this.recorded.push(image);
        return digestOf(image.config);
      },
    };
    const openMounts = async (mounts: readonly StepMount[]): Promise<HeldMounts> => {
      if (this.mountError !== undefined) throw this.mountError;
      this.opened.push(...mounts);
      return {
        mounts: [{ type: "tmpfs", target: "/tmp", size: 8 }],
        [Symbol.asyncDispose]: async () => void (this.closed += 1),
      };
    };
    return {
      images: images as ImageBuilding,
      metadata,
      steps: { openMounts },
      layers: {} as DebugShellOptions["layers"],
      cacheMounts: {} as CacheMounts,
      file: {} as DebugShellOptions["file"],
    };
  }
}

test("debug shells: what a RUN began with, in its environment, with its mounts until it is closed", async () => {
  const rooms = new Rooms();
  using metadata = openMetadata(":memory:");
  const shells = createDebugShells(rooms.options(metadata));
  const found = await shells.open(failed(failure({ vertex: run.digest, inputs: INPUTS })));
  assert.deepEqual([found?.command, found?.network, found?.environment], [["/bin/bash"], "none", ["S=hush"]]);
  assert.deepEqual(found?.mounts, [{ type: "tmpfs", target: "/tmp", size: 8 }]);
  assert.deepEqual(
    rooms.opened.map(({ kind, target }) => [kind, target]),
    [
      ["content", "/run/s"],
      ["tmpfs", "/tmp"],
    ],
  );
  const [image] = rooms.recorded;
  assert.deepEqual([image?.diffIds, image?.names], [[BASE], []]);
  assert.deepEqual(JSON.parse(Buffer.from(image?.config ?? []).toString()), {
    architecture: "amd64",
    os: "linux",
    config: { Env: ["A=b"], WorkingDir: "/w", User: "web", Cmd: ["/bin/bash"] },
    rootfs: { type: "layers", diff_ids: [BASE] },
  });
  assert.equal(rooms.closed, 0);
  await found?.[Symbol.asyncDispose]();
  assert.equal(rooms.closed, 1);
});

test("debug shells: without mounts when those are what failed", async () => {
  const rooms = new Rooms();
  rooms.mountError = new EngineError("not_found", "X", "open /x: no such file or directory");
  using metadata = openMetadata(":memory:");
  const shells = createDebugShells(rooms.options(metadata));
  const found = await shells.open(failed(failure({ vertex: run.digest, inputs: INPUTS })));
  assert.deepEqual([found?.mounts, found?.environment], [[], []]);
});

test("debug shells: none for what is no RUN's failure", async () => {
  using metadata = openMetadata(":memory:");
  const shells = createDebugShells(new Rooms().options(metadata));
  assert.equal(await shells.open(failed(failure({ vertex: copy.digest, inputs: INPUTS }))), undefined);
  assert.equal(await shells.open(failed(failure({ vertex: digestOf("other"), inputs: INPUTS }))), undefined);
  assert.equal(await shells.open(failed(new Error("other"))), undefined);
});
