import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { parseFrontendAttributes } from "#build";
import type { BuildRequest, BuildService, DebugShells, RunningBuild } from "#build";
import type { LocalBuildError, LocalBuildMessage, LocalBuildRequest, SolveStatus } from "#engineapi";
import type { SystemBackend } from "#engine";
import { categoryOf, EngineError, ErrorCode, findEngineError, messageOf } from "#errors";
import type { BodyWriter } from "../bodyWriter.ts";
import type { Backends } from "../backends.ts";
import type { Exchange } from "../exchange.ts";
import { parseLocalBuildRequest } from "./localRequest.ts";
import { LocalSession } from "./localSession.ts";

const FRONTEND = "dockerfile.v0";

/** What builds need of the engine. */
export type BuildBackends = Pick<Backends, "build" | "system" | "debugShells">;

/** {@link LocalBuildRequest}, `POST /varve/v1/build`, and the answers to what builds ask. */
export class LocalBuilds {
  readonly #builds: BuildService;
  readonly #system: Pick<SystemBackend, "sharedDirectory">;
  readonly #debugShells: DebugShells;
  readonly #open = new Map<string, { readonly session: LocalSession; readonly cancel: () => void }>();

  constructor({ build, system, debugShells }: BuildBackends) {
    this.#builds = build;
    this.#system = system;
    this.#debugShells = debugShells;
  }

  async build(exchange: Exchange): Promise<void> {
    const request = parseLocalBuildRequest(await exchange.readJson());
    const options = parseFrontendAttributes(request.attributes);
    const body = exchange.stream(200, "application/x-ndjson");
    const send = (message: LocalBuildMessage): void => body.post(`${JSON.stringify(message)}\n`);
    const id = randomBytes(16).toString("hex");
    const { directories } = request;
    const controller = new AbortController();
    const cancel = (): void => controller.abort(new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled"));
    const signal = AbortSignal.any([exchange.signal, controller.signal]);
    const { socket } = exchange.request;
    const session = new LocalSession({
      ask: (ask) => send({ ask }),
      directories,
      locate: (directory) => this.#system.sharedDirectory(socket, request.machine, directory),
      signal,
    });
    this.#open.set(id, { session, cancel });
    send({ build: id });
    const record = this.#record(request);
    const progress = (status: SolveStatus): void => {
      record?.add(status);
      if (!body.congested() || !isLosable(status)) send({ status });
    };
    const tell = (message: LocalBuildMessage): void => {
      record?.finish(outcomeOf(message));
      send(message);
    };
    try {
      const { ref, exports, cacheImports, cacheExports, entitlements, explain } = request;
      const asked = { ref, exports, cacheImports, cacheExports, entitlements, explain, internal: false };
      const built = { ...asked, options, session, progress, signal };
      await this.#run(built, request.debugShell, tell);
    } catch (error) {
      tell({ error: toWireError(error) });
    } finally {
      this.#open.delete(id);
      finish(body, exchange.signal);
    }
  }

  /** A question about a Dockerfile is no build. */
  #record({ ref, attributes, exports }: LocalBuildRequest): RunningBuild | undefined {
    if (attributes["requestid"] !== undefined) return undefined;
    return this.#builds.history.begin({ ref, frontend: FRONTEND, attributes, exports });
  }

  async answer(exchange: Exchange): Promise<void> {
    await this.#named(exchange).session.answer(exchange);
  }

  /** The build ends as soon as it can; its stream tells how. */
  cancel(exchange: Exchange): void {
    this.#named(exchange).cancel();
    exchange.empty(204);
  }

  #named(exchange: Exchange): { readonly session: LocalSession; readonly cancel: () => void } {
    const found = this.#open.get(exchange.query.get("build") ?? "");
    if (found === undefined) throw new EngineError("not_found", ErrorCode.BAD_REQUEST, "no such build");
    return found;
  }

  async #run(request: BuildRequest, debugShell: boolean, tell: (last: LocalBuildMessage) => void): Promise<void> {
    await using prepared = await this.#builds.prepare(request);
    const { answer } = prepared.plan;
    if (answer !== undefined) {
      const entries = Array.from(answer, ([key, value]) => [key, Buffer.from(value).toString()] as const);
      return tell({ result: Object.fromEntries(entries) });
    }
    try {
      tell({ result: await prepared.run() });
    } catch (error) {
      const { session, signal } = request;
      if (!debugShell || signal.aborted) throw error;
      await using shell = await this.#debugShells.open({ plan: prepared.plan, session, error, signal });
      if (shell === undefined) throw error;
      const { imageId, command, network, mounts, environment } = shell;
      tell({ error: { ...toWireError(error), shell: { imageId, command, network, mounts, environment } } });
      await aborted(signal);
    }
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

function outcomeOf({ result, error }: LocalBuildMessage): Parameters<RunningBuild["finish"]>[0] {
  if (error === undefined) return { response: result ?? {} };
  const message = error.category === "cancelled" ? "context canceled" : error.message;
  return { error: { category: error.category, message } };
}

function finish(body: BodyWriter, signal: AbortSignal): void {
  if (signal.aborted) body.cut();
  else body.end();
}

/** Counts under way: the next message replaces them. */
function isLosable({ vertexes, statuses, logs, warnings, explanations }: SolveStatus): boolean {
  const others = [vertexes, logs, warnings, explanations].some((list) => (list?.length ?? 0) > 0);
  return !others && (statuses ?? []).every((status) => status.completed === undefined && status.current > 0);
}

function sourceOf(value: unknown): Pick<LocalBuildError, "source"> {
  if (typeof value !== "object" || value === null) return {};
  const { filename, text, ranges } = value as NonNullable<LocalBuildError["source"]>;
  return typeof text === "string" && Array.isArray(ranges) ? { source: { filename, text, ranges } } : {};
}

function toWireError(error: unknown): LocalBuildError {
  const known = findEngineError(error);
  const exitCode = known?.details?.["exitCode"];
  return {
    category: categoryOf(error),
    message: messageOf(error),
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
    ...(typeof exitCode === "number" ? { exitCode } : {}),
    ...sourceOf(known?.details?.["source"]),
  };
}
