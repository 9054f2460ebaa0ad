import { EngineError, ErrorCode } from "#errors";
import type { BuildResult, BuildService, TypedAttributes } from "../contract.ts";
import type { Call } from "../grpc/server.ts";
import { GrpcError } from "../grpc/status.ts";
import type { SessionRegistry } from "../sessions/registry.ts";
import type { Decoded, Encodable } from "../wire/types.ts";
import { toBuildError } from "./buildError.ts";
import type { Job, Jobs, JobStart } from "./jobs.ts";

/** What calls that build need. */
export interface SolveContext {
  readonly builds: BuildService;
  readonly jobs: Jobs;
  readonly sessions: SessionRegistry;
}

/** `gateway.v0` names an image that is a Dockerfile frontend (`# syntax=`): its language is the one we have. */
const FRONTENDS: readonly string[] = ["dockerfile.v0", "gateway.v0"];

function toAttributes({ type, attrs }: Decoded<"CacheEntry">): TypedAttributes {
  return { type, attributes: attrs };
}

function exportersOf(request: Decoded<"SolveRequest">): readonly TypedAttributes[] {
  if (request.exporters.length > 0) return request.exporters.map(toAttributes);
  const type = request.exporterDeprecated;
  return type === "" ? [] : [{ type, attributes: request.exporterAttrsDeprecated }];
}

/** Asks the frontend for a result; nothing runs yet but what it needs to know. */
export async function askFrontend(
  context: SolveContext,
  job: Job,
  request: { readonly frontend: string; readonly attributes: Readonly<Record<string, string>> },
): Promise<BuildResult> {
  const start = await job.begun();
  if (!FRONTENDS.includes(request.frontend))
    throw new EngineError("not_found", ErrorCode.BAD_REQUEST, `frontend ${request.frontend} not found`);
  if (start.session === undefined)
    throw new EngineError("invalid_argument", ErrorCode.SESSION, "no session for this build");
  return context.builds.solve({
    ref: job.ref,
    attributes: request.attributes,
    session: start.session,
    sessionOf: (id) => context.sessions.get(id, job.signal),
    entitlements: start.entitlements,
    cacheImports: start.cacheImports,
    progress: (event) => job.progress.add(event),
    signal: job.signal,
  });
}

/** The result that the client's own frontend hands back; undefined = nothing was built (a question about capabilities). */
async function clientResult(job: Job): Promise<BuildResult | undefined> {
  const { result, error } = await job.returned();
  if (error !== undefined) throw new GrpcError(error.code, error.message, error.details);
  const refs = [result?.ref, ...Object.values(result?.refs?.refs ?? {})];
  const id = refs.find((ref) => ref !== undefined && ref.id !== "")?.id;
  return id === undefined ? undefined : job.held(id).result;
}

async function run(context: SolveContext, job: Job, request: Decoded<"SolveRequest">): Promise<Record<string, string>> {
  const start: JobStart = {
    session: request.session === "" ? undefined : await context.sessions.get(request.session, job.signal),
    attributes: request.frontendAttrs,
    frontend: request.frontend,
    exporters: exportersOf(request),
    entitlements: request.entitlements,
    cacheImports: (request.cache?.imports ?? []).map(toAttributes),
    isInternal: request.internal,
  };
  job.begin(start);
  context.jobs.changed(job);
  if (request.definition.length > 0) throw noDefinitions();
  const result =
    request.frontend === ""
      ? await clientResult(job)
      : await askFrontend(context, job, { frontend: request.frontend, attributes: request.frontendAttrs });
  if (result === undefined) return {};
  return { ...(await result.export(start.exporters, (request.cache?.exports ?? []).map(toAttributes))) };
}

/** Builds are made from Dockerfiles; a graph of BuildKit's own operations is refused. */
export function noDefinitions(): EngineError {
  return new EngineError(
    "not_implemented",
    ErrorCode.NOT_IMPLEMENTED,
    "varve builds Dockerfiles; low-level build definitions are not supported",
  );
}

/** `Control/Solve`: one build from its begin to its export. The client cancels it by leaving the call. */
export async function solve(
  context: SolveContext,
  request: Decoded<"SolveRequest">,
  call: Call,
): Promise<Encodable<"SolveResponse">> {
  const job = context.jobs.claim(request.ref);
  const cancel = (): void => job.cancel();
  call.signal.addEventListener("abort", cancel, { once: true });
  if (call.signal.aborted) job.cancel();
  try {
    const response = await run(context, job, request);
    job.finish({ response, error: undefined });
    return { exporterResponse: response };
  } catch (error) {
    const told = toBuildError(error);
    job.finish({ response: {}, error: told });
    throw told;
  } finally {
    call.signal.removeEventListener("abort", cancel);
    context.jobs.changed(job);
  }
}
