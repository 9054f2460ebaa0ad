import { findEngineError } from "#errors";
import type { ImageBuilding } from "#images";
import { takeLease } from "#metadata";
import type { Metadata } from "#metadata";
import { parseDiffId } from "#oci";
import type { DiffId, Digest } from "#oci";
import type { BuildPlan } from "../plan.ts";
import type { ExecOperation } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";

/** Images for a look at where a build failed. */
export interface DebugImages {
  /**
   * What the failed step began with, as an untagged image with the step's environment, directory and user; who asked removes
   * it. undefined: no RUN failed. Call it while the build still holds its layers, before it is disposed.
   */
  record(plan: BuildPlan, error: unknown): Promise<DebugImage | undefined>;
}

export interface DebugImage {
  readonly imageId: Digest;
  /** What to start in it: `["/bin/sh"]`. */
  readonly command: readonly string[];
}

interface FailedStep {
  readonly base: readonly DiffId[];
  readonly operation: ExecOperation;
}

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

function failedStep(plan: BuildPlan, error: unknown): FailedStep | undefined {
  const { vertex, base } = findEngineError(error)?.details ?? {};
  if (typeof vertex !== "string" || !Array.isArray(base)) return undefined;
  const operation = findVertex(plan, vertex)?.operation;
  if (operation?.kind !== "exec") return undefined;
  return { base: base.map((diffId) => parseDiffId(String(diffId))), operation };
}

/** `/bin/sh` of `/bin/sh -c make`, else that. */
function shellOf({ arguments: words }: ExecOperation): readonly string[] {
  const [program = "", option] = words;
  return [option === "-c" ? program : "/bin/sh"];
}

function configOf({ base, operation }: FailedStep): Uint8Array {
  const { platform, environment, workingDirectory, user } = operation;
  return Buffer.from(
    JSON.stringify({
      architecture: platform.architecture,
      os: platform.os,
      ...(platform.variant === undefined ? {} : { variant: platform.variant }),
      config: { Env: environment, WorkingDir: workingDirectory, User: user, Cmd: shellOf(operation) },
      rootfs: { type: "layers", diff_ids: base },
    }),
  );
}

export function createDebugImages(rooms: { readonly images: ImageBuilding; readonly metadata: Metadata }): DebugImages {
  return {
    async record(plan, error) {
      const step = failedStep(plan, error);
      if (step === undefined) return undefined;
      using lease = takeLease(rooms.metadata, "debug shell");
      for (const diffId of step.base) lease.layer(diffId);
      const image = { config: configOf(step), diffIds: step.base, names: [], manifest: undefined, target: undefined };
      return { imageId: await rooms.images.recordBuilt(image, lease), command: shellOf(step.operation) };
    },
  };
}
