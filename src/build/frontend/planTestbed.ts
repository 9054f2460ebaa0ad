import assert from "node:assert/strict";
import type { SolveVertexWarning } from "#engineapi";
import { EngineError, findEngineError } from "#errors";
import { digestOf, formatPlatform, parseDiffId } from "#oci";
import type { DiffId, ImageConfig } from "#oci";
import type { Filesystem } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { BuiltTarget } from "../buildService.ts";
import type { BuildPlan } from "../plan.ts";
import { parseFrontendAttributes } from "../frontendAttributes.ts";
import { NO_SESSION } from "../solver/fakeBuild.ts";
import type { BuildRequest } from "../request.ts";
import type { ImageResolver } from "../sources/imageResolver.ts";
import { planBuild } from "./planBuild.ts";

export const LAYER: DiffId = parseDiffId(digestOf("base"));
export const BASE: ImageConfig = {
  architecture: "amd64",
  os: "linux",
  config: { Env: ["PATH=/bin", "LANG=C"], Cmd: ["sh"], WorkingDir: "/srv" },
  rootfs: { type: "layers", diff_ids: [LAYER] },
  history: [{ created_by: "base" }],
};

export interface Planned {
  readonly plan: BuildPlan;
  readonly solved: readonly string[];
  readonly tasks: readonly string[];
  readonly warnings: readonly SolveVertexWarning[];
}

interface Given {
  readonly files?: Readonly<Record<string, string>>;
  readonly images?: Readonly<Record<string, ImageConfig>>;
  readonly entitlements?: readonly string[];
  readonly inputs?: ReadonlyMap<string, BuiltTarget>;
}

function requestOf(attributes: Readonly<Record<string, string>>, { entitlements = [], inputs }: Given): BuildRequest {
  return {
    ref: "test",
    options: parseFrontendAttributes(attributes),
    session: NO_SESSION,
    progress: () => undefined,
    cacheImports: [],
    cacheExports: [],
    exports: [],
    internal: false,
    explain: false,
    entitlements,
    inputs: inputs ?? new Map(),
    signal: new AbortController().signal,
  };
}

/** Every image is BASE unless it is named otherwise; those with `nosuch` in their names are not there. */
function imagesOf(images: Readonly<Record<string, ImageConfig>>): ImageResolver {
  return {
    resolve: async (reference, { platform }) => {
      if (reference.path.includes("nosuch")) throw new EngineError("not_found", "X", "not found");
      const config = { ...(images[reference.path] ?? BASE), architecture: platform.architecture };
      const source = {
        kind: "image" as const,
        reference,
        manifest: digestOf(reference.path),
        imageId: digestOf(formatPlatform(platform)),
        platform,
        diffIds: config.rootfs.diff_ids,
        origin: "registry" as const,
      };
      return { source, digest: digestOf(reference.path), config };
    },
  };
}

/** Plans without files: all directories of the client have the same ones. */
export async function plan(
  text: string,
  attributes: Readonly<Record<string, string>> = {},
  given: Given = {},
): Promise<Planned> {
  const files: Readonly<Record<string, string>> = { Dockerfile: text, ...given.files };
  const [solved, tasks, warnings]: [string[], string[], SolveVertexWarning[]] = [[], [], []];
  const result = await planBuild(requestOf(attributes, given), {
    solve: async (vertex) => {
      solved.push(vertex.name);
      return { kind: "context", directory: { path: "/" } };
    },
    task: async (name, work) => {
      tasks.push(name);
      return work({ status: () => undefined, log: () => undefined });
    },
    warn: (warning) => warnings.push(warning),
    images: imagesOf(given.images ?? {}),
    files: {
      readFile: async (_files: Filesystem, path) => {
        const found = files[path];
        return found === undefined ? undefined : Buffer.from(found);
      },
    },
    buildPlatform: { os: "linux", architecture: "amd64" },
  });
  return { plan: result, solved, tasks, warnings };
}

/** Names of a vertex and all it needs, needed first. */
export function namesOf(vertex: Vertex | undefined, into: string[] = []): string[] {
  for (const input of vertex?.inputs ?? []) namesOf(input, into);
  if (vertex !== undefined && !into.includes(vertex.name) && vertex.operation.kind !== "scratch")
    into.push(vertex.name);
  return into;
}

/** What the work fails with. */
export async function failure(work: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await work.then(
    () => assert.fail("no error"),
    (reason: unknown) => reason,
  );
  const found = findEngineError(error);
  assert.ok(found);
  return found;
}
