import type { HeldMount, StepRunner } from "#containers";
import { findEngineError } from "#errors";
import type { ImageBuilding } from "#images";
import { takeLease } from "#metadata";
import type { Metadata } from "#metadata";
import type { Digest } from "#oci";
import type { BuildPlan } from "../plan.ts";
import type { Step } from "../graph/handler.ts";
import type { ExecOperation, Filesystem } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { BuildSession } from "../session.ts";
import { takeBuildLease } from "../solver/buildLease.ts";
import { openMounts } from "./execMounts.ts";
import type { MountOptions } from "./execMounts.ts";

/** Where builds failed, for a look at it. */
export interface DebugShells {
  /**
   * What the failed step began with: an untagged image with the step's environment, directory and user, which who asked
   * removes, and its mounts, there until this is disposed. undefined: no RUN failed, or the mounts are what failed. Call it
   * while the build still holds its layers, before it is disposed.
   */
  open(failed: FailedBuild): Promise<DebugShell | undefined>;
}

export interface FailedBuild {
  readonly plan: BuildPlan;
  readonly session: BuildSession;
  readonly error: unknown;
  readonly signal: AbortSignal;
}

export interface DebugShell extends AsyncDisposable {
  readonly imageId: Digest;
  /** What to start in it: `["/bin/sh"]`. */
  readonly command: readonly string[];
  readonly network: ExecOperation["network"];
  readonly mounts: readonly HeldMount[];
  /** What mounts add to the image's, `NAME=value`: secrets are in no image. */
  readonly environment: readonly string[];
}

interface FailedStep {
  readonly vertex: Vertex;
  readonly operation: ExecOperation;
  readonly inputs: readonly Filesystem[];
}

export interface DebugShellOptions extends MountOptions {
  readonly images: ImageBuilding;
  readonly metadata: Metadata;
  readonly steps: Pick<StepRunner, "openMounts">;
}

const SILENT = { status: () => undefined, log: () => undefined } as const;

function findVertex(plan: BuildPlan, digest: string): Vertex | undefined {
  const seen = new Set<Vertex>();
  const waiting = plan.targets.flatMap(({ vertex }) => vertex ?? []);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.digest === digest) return next;
    if (seen.has(next)) continue;
    seen.add(next);
    waiting.push(...next.inputs);
  }
  return undefined;
}

function isFilesystem(value: unknown): value is Filesystem {
  if (typeof value !== "object" || value === null) return false;
  const kind: unknown = Reflect.get(value, "kind");
  return kind === "layers" || kind === "context";
}

function failedStep(plan: BuildPlan, error: unknown): FailedStep | undefined {
  const { vertex: digest, inputs } = findEngineError(error)?.details ?? {};
  if (typeof digest !== "string" || !Array.isArray(inputs)) return undefined;
  const vertex = findVertex(plan, digest);
  if (vertex?.operation.kind !== "exec") return undefined;
  return { vertex, operation: vertex.operation, inputs: inputs.filter(isFilesystem) };
}

/** `/bin/sh` of `/bin/sh -c make`, else that. */
function shellOf({ arguments: words }: ExecOperation): readonly string[] {
  const [program = "", option] = words;
  return [option === "-c" ? program : "/bin/sh"];
}

function layersOf(base: Filesystem | undefined): Extract<Filesystem, { readonly kind: "layers" }>["diffIds"] {
  return base?.kind === "layers" ? base.diffIds : [];
}

function configOf({ inputs, operation }: FailedStep): Uint8Array {
  const { platform, environment, workingDirectory, user } = operation;
  return Buffer.from(
    JSON.stringify({
      architecture: platform.architecture,
      os: platform.os,
      ...(platform.variant === undefined ? {} : { variant: platform.variant }),
      config: { Env: environment, WorkingDir: workingDirectory, User: user, Cmd: shellOf(operation) },
      rootfs: { type: "layers", diff_ids: layersOf(inputs[0]) },
    }),
  );
}

async function recordImage({ images, metadata }: DebugShellOptions, step: FailedStep): Promise<Digest> {
  const diffIds = layersOf(step.inputs[0]);
  using lease = takeLease(metadata, "debug shell");
  for (const diffId of diffIds) lease.layer(diffId);
  return await images.recordBuilt(
    { config: configOf(step), diffIds, names: [], manifest: undefined, target: undefined },
    lease,
  );
}

type Held = Pick<DebugShell, "mounts" | "environment">;

/** None when they cannot be had: that may be why the step failed. */
async function holdMounts(
  options: DebugShellOptions,
  step: Step<ExecOperation>,
  cleanup: AsyncDisposableStack,
): Promise<Held> {
  await using own = new AsyncDisposableStack();
  try {
    const { ready } = own.use(await openMounts(options, step));
    const { mounts } = own.use(await options.steps.openMounts(ready.mounts));
    cleanup.use(own.move());
    return { mounts, environment: ready.environment };
  } catch (error) {
    if (findEngineError(error) === undefined) throw error;
    return { mounts: [], environment: [] };
  }
}

export function createDebugShells(options: DebugShellOptions): DebugShells {
  return {
    async open({ plan, session, error, signal }) {
      const failed = failedStep(plan, error);
      if (failed === undefined) return undefined;
      await using cleanup = new AsyncDisposableStack();
      const lease = cleanup.use(takeBuildLease(options.metadata, "debug shell"));
      const step: Step<ExecOperation> = { ...failed, session, lease, signal, progress: SILENT };
      const { mounts, environment } = await holdMounts(options, step, cleanup);
      const imageId = await recordImage(options, failed);
      const owned = cleanup.move();
      const { operation } = failed;
      return {
        imageId,
        command: shellOf(operation),
        network: operation.network,
        mounts,
        environment,
        [Symbol.asyncDispose]: () => owned.disposeAsync(),
      };
    },
  };
}
