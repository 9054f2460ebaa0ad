import { parseFrontendAttributes } from "#build";
import type { BuildService, BuiltTarget, CacheLocation, Definition, ExportRequest, FrontendOptions } from "#build";
import { EngineError, ErrorCode } from "#errors";
import type { Call } from "../grpc/server.ts";
import { GrpcError } from "../grpc/status.ts";
import { forBuild } from "../sessions/directories.ts";
import type { SessionRegistry } from "../sessions/registry.ts";
import type { Decoded, Encodable } from "../wire/types.ts";
import { toBuildError } from "./buildError.ts";
import { parseDefinition, readDefinition, resultOf } from "./resultDefinition.ts";
import type { ResultName } from "./resultDefinition.ts";
import type { HeldBuild, Job, Jobs, JobStart } from "./jobs.ts";

/** What calls that build need. */
export interface SolveContext {
  readonly builds: BuildService;
  readonly jobs: Jobs;
  readonly sessions: SessionRegistry;
}

interface FrontendCall {
  readonly frontend: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly cacheImports: readonly Decoded<"CacheEntry">[];
  /** Definitions by context name. */
  readonly inputs: Readonly<Record<string, Uint8Array>>;
}

/** `gateway.v0` names an image that is a Dockerfile frontend (`# syntax=`): its language is the one we have. */
const FRONTENDS: readonly string[] = ["dockerfile.v0", "gateway.v0"];

function toCacheLocation({ type, attrs }: Decoded<"CacheEntry">): CacheLocation {
  return { type, attributes: attrs };
}

function exportsOf(request: Decoded<"SolveRequest">): readonly ExportRequest[] {
  if (request.exporters.length > 0) return request.exporters.map(({ type, attrs }) => ({ type, attributes: attrs }));
  const type = request.exporterDeprecated;
  return type === "" ? [] : [{ type, attributes: request.exporterAttrsDeprecated }];
}

/** The directories of a client that has said where it is are told apart by that too. */
function withSharedKey(options: FrontendOptions, sharedKey: string): FrontendOptions {
  if (sharedKey === "") return options;
  const named = Array.from(options.namedContexts.values()).flatMap((where) =>
    where.startsWith("local:") ? [where.slice("local:".length)] : [],
  );
  const names = new Set([
    options.dockerfileDirectory,
    options.contextDirectory,
    ...named,
    ...options.sharedKeys.keys(),
  ]);
  const keys = Array.from(names, (name) => [name, `${options.sharedKeys.get(name) ?? ""}:${sharedKey}`] as const);
  return { ...options, sharedKeys: new Map(keys) };
}

async function builtInput({ jobs }: SolveContext, { id, target }: ResultName): Promise<BuiltTarget> {
  const built = (await jobs.built(id))[target];
  if (built === undefined) throw new EngineError("not_found", ErrorCode.BUILD_NOT_FOUND, `no such ref: ${id}`);
  return built;
}

/** The result that a definition stands for, of this or another job, or of its operations; its steps are done. */
export async function inputOf(context: SolveContext, job: Job, definition: Uint8Array): Promise<BuiltTarget> {
  const name = readDefinition(definition);
  if (name !== undefined) return await builtInput(context, name);
  const held = await askDefinition(context, job, definition);
  const [target] = await held.prepared.evaluate();
  if (target === undefined) throw new Error("a definition has one result");
  return target;
}

/** A graph of BuildKit's operations as a build; nothing runs yet. */
export async function askDefinition(context: SolveContext, job: Job, bytes: Uint8Array): Promise<HeldBuild> {
  const definition = parseDefinition(bytes);
  const inputs = new Map<string, BuiltTarget>();
  for (const { source } of definition.operations.values()) {
    const name = source === undefined ? undefined : resultOf(source.identifier);
    if (source !== undefined && name !== undefined) inputs.set(source.identifier, await builtInput(context, name));
  }
  return await prepare(context, job, { attributes: {}, inputs, definition, cacheImports: [] });
}

interface Preparation {
  readonly attributes: Readonly<Record<string, string>>;
  readonly inputs: ReadonlyMap<string, BuiltTarget>;
  readonly definition?: Definition;
  readonly cacheImports: readonly Decoded<"CacheEntry">[];
}

async function prepare(context: SolveContext, job: Job, asked: Preparation): Promise<HeldBuild> {
  const start = await job.begun();
  if (start.session === undefined)
    throw new EngineError("invalid_argument", ErrorCode.SESSION, "no session for this build");
  const { attributes, inputs, definition } = asked;
  const options = withSharedKey(parseFrontendAttributes(attributes), start.session.sharedKey);
  const prepared = await context.builds.prepare({
    ref: job.ref,
    options,
    session: forBuild(start.session, context.sessions, attributes),
    progress: (status) => {
      job.progress.add(status);
      job.record?.add(status);
    },
    cacheImports: asked.cacheImports.length > 0 ? asked.cacheImports.map(toCacheLocation) : start.cacheImports,
    cacheExports: start.cacheExports,
    exports: start.exports,
    inputs,
    ...(definition === undefined ? {} : { definition }),
    internal: start.isInternal,
    explain: false,
    entitlements: start.entitlements,
    signal: job.signal,
  });
  return job.hold(prepared, { isMultiPlatform: options.multiPlatform || options.platforms.length > 1 });
}

/** Asks the frontend for a result; nothing runs yet but what it needs to know. */
export async function askFrontend(context: SolveContext, job: Job, asked: FrontendCall): Promise<HeldBuild> {
  await job.begun();
  const { attributes, cacheImports } = asked;
  if (!FRONTENDS.includes(asked.frontend))
    throw new EngineError("not_found", ErrorCode.BAD_REQUEST, `frontend ${asked.frontend} not found`);
  const named = Object.entries(asked.inputs).map(
    async ([key, definition]) => [key, await inputOf(context, job, definition)] as const,
  );
  return await prepare(context, job, { attributes, inputs: new Map(await Promise.all(named)), cacheImports });
}

/** The result that the client's own frontend hands back; undefined = nothing was built (a question about capabilities). */
async function clientResult(job: Job): Promise<HeldBuild | undefined> {
  const { result, error } = await job.returned();
  if (error !== undefined) throw new GrpcError(error.code, error.message, error.details);
  const refs = [result?.ref, ...Object.values(result?.refs?.refs ?? {})];
  const id = refs.find((ref) => ref !== undefined && ref.id !== "")?.id;
  // A result without layers has no id, and is an image nevertheless.
  return id === undefined || !id.startsWith(`${job.ref}:`) ? job.lastHeld() : job.held(id);
}

async function run(context: SolveContext, job: Job, request: Decoded<"SolveRequest">): Promise<Record<string, string>> {
  const start: JobStart = {
    session: request.session === "" ? undefined : await context.sessions.get(request.session, job.signal),
    attributes: request.frontendAttrs,
    frontend: request.frontend,
    exports: exportsOf(request),
    entitlements: request.entitlements,
    cacheImports: (request.cache?.imports ?? []).map(toCacheLocation),
    cacheExports: (request.cache?.exports ?? []).map(toCacheLocation),
    isInternal: request.internal,
  };
  job.begin(start);
  if (!start.isInternal) {
    const { frontend, attributes, exports } = start;
    job.record = context.builds.history.begin({ ref: job.ref, frontend, attributes, exports });
  }
  const { frontend, frontendAttrs: attributes, frontendInputs: inputs } = request;
  const held = await (() => {
    if (frontend !== "") return askFrontend(context, job, { frontend, attributes, cacheImports: [], inputs });
    return request.definition.length > 0 ? askDefinition(context, job, request.definition) : clientResult(job);
  })();
  if (held === undefined || held.prepared.plan.targets.length === 0) return {};
  return { ...(await held.prepared.run()) };
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
    context.jobs.ended();
  }
}
