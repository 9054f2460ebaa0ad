import { EngineError, ErrorCode } from "#errors";
import type { BuildResult, EntryStat, ResultFiles } from "../contract.ts";
import { writeStat } from "../fsutil/packets.ts";
import { unary } from "../grpc/server.ts";
import type { Call, Method } from "../grpc/server.ts";
import type { Decoded, Encodable } from "../wire/types.ts";
import { toBuildError } from "./buildError.ts";
import { FRONTEND_CAPS, LLB_CAPS } from "./capabilities.ts";
import type { Job, JobStart } from "./jobs.ts";
import { fromWarnRequest } from "./progress.ts";
import { askFrontend, noDefinitions } from "./solve.ts";
import type { SolveContext } from "./solve.ts";

const SERVICE = "/moby.buildkit.v1.frontend.LLBBridge";
const BUILD_ID = "buildkit-controlapi-buildid";

type Begun = { readonly job: Job; readonly start: JobStart };

function toCap(id: string): Encodable<"Cap"> {
  return { id, enabled: true };
}

/** A result's refs as the client holds them. A result without layers has an empty ref. */
function toResult(job: Job, result: BuildResult): Encodable<"Result"> {
  const { platforms, metadata } = result;
  if (platforms === undefined) return { ref: {}, metadata };
  if (platforms.length === 0) return { ref: { id: job.hold({ result, platform: undefined }) }, metadata };
  const refs = platforms.map((platform) => [platform, { id: job.hold({ result, platform }) }] as const);
  return { refs: { refs: Object.fromEntries(refs) }, metadata };
}

async function bridgeSolve(
  context: SolveContext,
  job: Job,
  request: Decoded<"BridgeSolveRequest">,
): Promise<Encodable<"BridgeSolveResponse">> {
  if (request.definition.length > 0) throw noDefinitions();
  if (request.frontend === "") return { result: { ref: {} } };
  const { frontend, frontendOpt: attributes } = request;
  const result = await askFrontend(context, job, { frontend, attributes });
  if (request.evaluate) await result.evaluate();
  return { result: toResult(job, result) };
}

function filesOf(job: Job, ref: string): ResultFiles {
  const { result, platform } = job.held(ref);
  return result.files(platform);
}

function slice(bytes: Uint8Array, range: Decoded<"FileRange"> | undefined): Uint8Array {
  if (range === undefined) return bytes;
  const start = Number(range.offset);
  return bytes.subarray(start, range.length > 0n ? start + Number(range.length) : undefined);
}

function toPlatformId(platform: Decoded<"Platform"> | undefined): string | undefined {
  if (platform === undefined || platform.os === "") return undefined;
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== "").join("/");
}

async function resolveImage(
  context: SolveContext,
  start: JobStart,
  asked: { readonly reference: string; readonly platform: Decoded<"Platform"> | undefined; readonly mode: string },
): Promise<{ readonly digest: string; readonly config: Uint8Array }> {
  if (start.session === undefined)
    throw new EngineError("invalid_argument", ErrorCode.SESSION, "no session for this build");
  return context.builds.resolveImage({
    reference: asked.reference,
    platform: toPlatformId(asked.platform),
    mode: asked.mode,
    session: start.session,
  });
}

const IMAGE_SCHEME = "docker-image://";

async function resolveSource(
  context: SolveContext,
  start: JobStart,
  request: Decoded<"ResolveSourceMetaRequest">,
): Promise<Encodable<"ResolveSourceMetaResponse">> {
  const identifier = request.source?.identifier ?? "";
  if (!identifier.startsWith(IMAGE_SCHEME)) return { source: request.source };
  const reference = identifier.slice(IMAGE_SCHEME.length);
  const image = await resolveImage(context, start, {
    reference,
    platform: request.platform,
    mode: request.resolveMode,
  });
  return { source: { identifier }, image };
}

function listed(entries: readonly EntryStat[]): Encodable<"ReadDirResponse"> {
  return { entries: entries.map(writeStat) };
}

/** A client that is the frontend of its own build asks through these; calls name their build in metadata. */
export function bridgeMethods(
  context: SolveContext,
  workers: () => readonly Encodable<"Worker">[],
): readonly (readonly [string, Method])[] {
  const build = (call: Call): Promise<Begun> => {
    const id = call.headers[BUILD_ID];
    if (typeof id !== "string" || id === "")
      throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "no buildid found in context");
    return context.jobs.begun(id);
  };
  const inBuild = async <T>(call: Call, act: (begun: Begun) => Promise<T> | T): Promise<T> => {
    try {
      return await act(await build(call));
    } catch (error) {
      throw toBuildError(error);
    }
  };
  const rows: readonly (readonly [string, Method])[] = [
    [
      "Ping",
      unary("Empty", "Pong", (_request, call) =>
        inBuild(call, () => ({
          frontendCaps: FRONTEND_CAPS.map(toCap),
          llbCaps: LLB_CAPS.map(toCap),
          workers: workers(),
        })),
      ),
    ],
    [
      "Solve",
      unary("BridgeSolveRequest", "BridgeSolveResponse", (request, call) =>
        inBuild(call, ({ job }) => bridgeSolve(context, job, request)),
      ),
    ],
    [
      "Return",
      unary("ReturnRequest", "Empty", (request, call) =>
        inBuild(call, ({ job }) => {
          job.giveBack(request);
          return {};
        }),
      ),
    ],
    [
      "Evaluate",
      unary("EvaluateRequest", "Empty", (request, call) =>
        inBuild(call, async ({ job }) => {
          await job.held(request.ref).result.evaluate();
          return {};
        }),
      ),
    ],
    [
      "ReadFile",
      unary("ReadFileRequest", "Bytes", (request, call) =>
        inBuild(call, async ({ job }) => ({
          data: slice(await filesOf(job, request.ref).readFile(request.filePath), request.range),
        })),
      ),
    ],
    [
      "ReadDir",
      unary("ReadDirRequest", "ReadDirResponse", (request, call) =>
        inBuild(call, async ({ job }) => listed(await filesOf(job, request.ref).readDirectory(request.dirPath))),
      ),
    ],
    [
      "StatFile",
      unary("StatFileRequest", "StatFileResponse", (request, call) =>
        inBuild(call, async ({ job }) => ({ stat: writeStat(await filesOf(job, request.ref).stat(request.path)) })),
      ),
    ],
    ["Inputs", unary("Empty", "InputsResponse", (_request, call) => inBuild(call, () => ({})))],
    [
      "ResolveImageConfig",
      unary("ResolveImageConfigRequest", "ResolveImageConfigResponse", (request, call) =>
        inBuild(call, async ({ start }) => {
          const { ref: reference, platform, resolveMode: mode } = request;
          return { ...(await resolveImage(context, start, { reference, platform, mode })), ref: reference };
        }),
      ),
    ],
    [
      "ResolveSourceMeta",
      unary("ResolveSourceMetaRequest", "ResolveSourceMetaResponse", (request, call) =>
        inBuild(call, ({ start }) => resolveSource(context, start, request)),
      ),
    ],
    [
      "Warn",
      unary("WarnRequest", "Empty", (request, call) =>
        inBuild(call, ({ job }) => {
          job.progress.addRaw(fromWarnRequest(request));
          return {};
        }),
      ),
    ],
  ];
  return rows.map(([name, method]) => [`${SERVICE}/${name}`, method]);
}
