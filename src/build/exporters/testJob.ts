import type { DiffId } from "#oci";
import type { BuiltTarget } from "../buildService.ts";
import type { StepProgress } from "../graph/handler.ts";
import type { BuildRequest, ExportRequest } from "../request.ts";
import { testSession } from "../testRooms.ts";
import type { ExportJob } from "./exporter.ts";

/** An export with all that it shows: `lines` are steps and the status lines that ended. */
export interface TestJob {
  readonly job: ExportJob;
  readonly lines: string[];
}

export function testTarget(diffIds: readonly DiffId[], architecture = "amd64"): BuiltTarget {
  const platform = { os: "linux", architecture };
  return {
    platform,
    vertex: undefined,
    diffIds,
    createdAt: diffIds.map((_diffId, index) => index * 1000),
    image: {
      platform,
      author: undefined,
      config: { Cmd: ["sh"] },
      history: diffIds.map((_diffId, index) => ({ created_by: `RUN ${index}`, comment: "buildkit.dockerfile.v0" })),
      epoch: undefined,
      base: undefined,
      materials: [],
    },
  };
}

export function testJob(
  targets: readonly BuiltTarget[],
  exports: readonly ExportRequest[],
  given: Partial<BuildRequest> = {},
): TestJob {
  const lines: string[] = [];
  const progress: StepProgress = {
    status: (id, { done }) => {
      if (done === true) lines.push(id);
    },
    log: () => undefined,
  };
  const job: ExportJob = {
    request: { ...testRequest(exports), ...given },
    plan: { targets, dockerfile: { filename: "Dockerfile", text: "FROM scratch" } },
    targets,
    startedAt: 0,
    steps: [],
    task: (name, work) => {
      lines.push(name);
      return work(progress);
    },
    lease: { keepLayer: () => undefined, keepBlob: () => undefined, hold: () => undefined },
  };
  return { job, lines };
}

function testRequest(exports: readonly ExportRequest[]): BuildRequest {
  return {
    ref: "test",
    options: {
      filename: "Dockerfile",
      target: undefined,
      platforms: [],
      buildArguments: new Map(),
      labels: new Map(),
      noCache: [],
      imageResolveMode: "local",
      addHosts: [],
      networkMode: "default",
      shmSize: undefined,
      ulimits: [],
      cgroupParent: undefined,
      hostname: undefined,
      context: undefined,
      dockerfileDirectory: "dockerfile",
      contextOwner: "kept",
      contextDirectory: "context",
      namedContexts: new Map(),
      sharedKeys: new Map(),
      multiPlatform: false,
      attestations: new Map(),
      subrequest: undefined,
      limits: {},
      raw: {},
    },
    session: testSession(),
    progress: () => undefined,
    cacheImports: [],
    cacheExports: [],
    exports,
    explain: false,
    internal: false,
    entitlements: [],
    signal: new AbortController().signal,
  };
}
