import type { TargetPlan } from "#build";
import { EngineError, ErrorCode } from "#errors";
import { formatPlatform } from "#oci";
import { unary } from "../grpc/server.ts";
import type { Method } from "../grpc/server.ts";
import type { Decoded, Encodable } from "../wire/types.ts";
import { fileMethods } from "./bridgeFiles.ts";
import type { InBuild } from "./bridgeFiles.ts";
import { toBuildError } from "./buildError.ts";
import { FRONTEND_CAPS, LLB_CAPS } from "./capabilities.ts";
import type { HeldBuild, Job } from "./jobs.ts";
import { fromWarnRequest } from "./progress.ts";
import { isEmptyDefinition, readDefinition, toDefinition } from "./resultDefinition.ts";
import { askDefinition, askFrontend, inputOf } from "./solve.ts";
import type { SolveContext } from "./solve.ts";

const SERVICE = "/moby.buildkit.v1.frontend.LLBBridge";
const BUILD_ID = "buildkit-controlapi-buildid";

function toCap(id: string): Encodable<"Cap"> {
  return { id, enabled: true };
}

/** BuildKit's `refs.platforms`. @see moby/buildkit exporter/containerimage/exptypes/types.go Platforms */
function platformsOf({ prepared }: HeldBuild): Readonly<Record<string, Uint8Array>> {
  const platforms = prepared.plan.targets.map(({ platform }) => ({ ID: formatPlatform(platform), Platform: platform }));
  return { "refs.platforms": Buffer.from(JSON.stringify({ Platforms: platforms })) };
}

/** A result's refs as the client holds them. A result without layers has an empty ref. */
function toResult(held: HeldBuild): Encodable<"Result"> {
  const { targets, answer } = held.prepared.plan;
  const metadata = Object.fromEntries(answer ?? []);
  const [only] = targets;
  const refOf = ({ vertex }: TargetPlan, target: number): Encodable<"Ref"> =>
    vertex === undefined ? {} : { id: held.id, def: toDefinition({ id: held.id, target }) };
  if (targets.length <= 1 && !held.isMultiPlatform) return { ref: only === undefined ? {} : refOf(only, 0), metadata };
  const refs = targets.map((target, index) => [formatPlatform(target.platform), refOf(target, index)]);
  return { refs: { refs: Object.fromEntries(refs) }, metadata: { ...metadata, ...platformsOf(held) } };
}

async function bridgeSolve(
  context: SolveContext,
  job: Job,
  request: Decoded<"BridgeSolveRequest">,
): Promise<Encodable<"BridgeSolveResponse">> {
  if (request.definition.length > 0) {
    // What a client makes of an answer that is no filesystem, an outline's.
    if (isEmptyDefinition(request.definition)) return { result: { ref: {} } };
    const known = readDefinition(request.definition);
    if (known !== undefined) {
      await inputOf(context, job, request.definition);
      return { result: { ref: { id: known.id, def: request.definition } } };
    }
    const asked = await askDefinition(context, job, request.definition);
    if (request.evaluate) await asked.prepared.evaluate();
    return { result: { ref: { id: asked.id, def: request.definition } } };
  }
  if (request.frontend === "") return { result: { ref: {} } };
  const { frontend, frontendOpt: attributes, frontendInputs: inputs, cacheImports } = request;
  const held = await askFrontend(context, job, { frontend, attributes, cacheImports, inputs });
  if (request.evaluate) await held.prepared.evaluate();
  return { result: toResult(held) };
}

function inBuildOf({ jobs }: SolveContext): InBuild {
  return async (call, act) => {
    const id = call.headers[BUILD_ID];
    try {
      if (typeof id !== "string" || id === "")
        throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "no buildid found in context");
      return await act((await jobs.begun(id)).job);
    } catch (error) {
      throw toBuildError(error);
    }
  };
}

/** A client that is the frontend of its own build asks through these; calls name their build in metadata. */
export function bridgeMethods(
  context: SolveContext,
  workers: () => readonly Encodable<"Worker">[],
): readonly (readonly [string, Method])[] {
  const inBuild = inBuildOf(context);
  const ping = unary("Empty", "Pong", (_request, call) =>
    inBuild(call, () => ({
      frontendCaps: FRONTEND_CAPS.map(toCap),
      llbCaps: LLB_CAPS.map(toCap),
      workers: workers(),
    })),
  );
  const solve = unary("BridgeSolveRequest", "BridgeSolveResponse", (request, call) =>
    inBuild(call, (job) => bridgeSolve(context, job, request)),
  );
  const giveBack = unary("ReturnRequest", "Empty", (request, call) =>
    inBuild(call, (job) => {
      job.giveBack(request);
      return {};
    }),
  );
  const evaluate = unary("EvaluateRequest", "Empty", (request, call) =>
    inBuild(call, async (job) => {
      await job.held(request.ref).prepared.evaluate();
      return {};
    }),
  );
  const inputs = unary("Empty", "InputsResponse", (_request, call) => inBuild(call, () => ({})));
  const warn = unary("WarnRequest", "Empty", (request, call) =>
    inBuild(call, (job) => {
      job.progress.addRaw(fromWarnRequest(request));
      return {};
    }),
  );
  const methods = {
    ...fileMethods(inBuild),
    Ping: ping,
    Solve: solve,
    Return: giveBack,
    Evaluate: evaluate,
    Inputs: inputs,
    Warn: warn,
  };
  return Object.entries(methods).map(([name, method]) => [`${SERVICE}/${name}`, method]);
}
