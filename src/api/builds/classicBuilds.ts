import { randomBytes } from "node:crypto";
import { classicView, parseFrontendAttributes } from "#build";
import type { BuildRequest, BuildService, ClassicView, PreparedBuild } from "#build";
import { categoryOf, EngineError, ErrorCode, findEngineError, hasCode, isNotFound, messageOf } from "#errors";
import type { BodyWriter } from "../bodyWriter.ts";
import type { Exchange } from "../exchange.ts";
import { classicOptions } from "./classicOptions.ts";
import type { ClassicOptions } from "./classicOptions.ts";
import { ClassicOutput } from "./classicOutput.ts";
import { ClassicSession } from "./classicSession.ts";
import { missingFileMessage } from "./missingFile.ts";

/** The context that the body is. */
const BODY_CONTEXT = "http://buildkit-session/body";
/** Arguments that need no ARG. */
const PREDEFINED = /^(?:(?:http|https|ftp|no|all)_proxy|BUILDKIT_.*|SOURCE_DATE_EPOCH)$/i;

const ESCAPED: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

/** JSON as Go writes it: clients compare text. */
function wireLine(message: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(message).replaceAll(/[<>&\u2028\u2029]/g, (char) => ESCAPED[char] ?? char)}\r\n`;
}

/** What failed, in dockerd's words where it has its own. */
function failureOf(error: unknown, view: ClassicView | undefined): Readonly<Record<string, unknown>> {
  const details = findEngineError(error)?.details ?? {};
  const { exitCode, vertex } = details;
  const command = typeof vertex === "string" ? view?.commandOf(vertex) : undefined;
  if (typeof exitCode === "number" && command !== undefined) {
    const message = `The command '${command.join(" ")}' returned a non-zero code: ${exitCode}`;
    return { errorDetail: { code: exitCode, message }, error: message };
  }
  const message = missingFileMessage(error) ?? messageOf(error);
  return { errorDetail: { message }, error: message };
}

function isRequestFault(error: unknown): boolean {
  return categoryOf(error) === "invalid_argument" || hasCode(error, ErrorCode.INVALID_DOCKERFILE);
}

function unusedArguments({ buildArguments }: ClassicOptions, view: ClassicView): readonly string[] {
  const names = Object.keys(buildArguments).filter(
    (name) => !view.declaredArguments.has(name) && !PREDEFINED.test(name),
  );
  return names.sort();
}

/** Docker's `POST /build` (version 1), as libraries and `DOCKER_BUILDKIT=0` use it. @see docker-engine-api v1.56, ImageBuild */
export class ClassicBuilds {
  readonly #builds: BuildService;
  readonly #running = new Map<string, AbortController>();

  constructor(builds: BuildService) {
    this.#builds = builds;
  }

  async build(exchange: Exchange): Promise<void> {
    const options = classicOptions(exchange);
    const controller = new AbortController();
    if (options.buildId !== "") this.#running.set(options.buildId, controller);
    try {
      await this.#build(exchange, options, AbortSignal.any([exchange.signal, controller.signal]));
    } finally {
      this.#running.delete(options.buildId);
    }
  }

  /** `POST /build/cancel`: of one that does not run it is no error. */
  cancel(exchange: Exchange): void {
    const id = exchange.query.get("id") ?? "";
    if (id === "") throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "build ID not provided");
    this.#running.get(id)?.abort(new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled"));
    exchange.empty(200);
  }

  async #build(exchange: Exchange, options: ClassicOptions, signal: AbortSignal): Promise<void> {
    let body: BodyWriter | undefined;
    const send = (message: Readonly<Record<string, unknown>>): void => {
      body ??= exchange.stream(200, "application/json");
      body.post(wireLine(message));
    };
    const output = new ClassicOutput({ quiet: options.quiet, remove: options.remove, send });
    let view: ClassicView | undefined;
    try {
      await using prepared = await this.#prepare(this.#request(exchange, options, output, signal));
      view = classicView(prepared.plan, options.attributes["target"]);
      output.begin(withLabels(view.steps, options.labels));
      const response = await prepared.run();
      const imageId = response["containerimage.config.digest"] ?? response["containerimage.digest"] ?? "";
      output.finish(imageId, options.tags, unusedArguments(options, view));
    } catch (error) {
      // What is wrong with the request or the Dockerfile is a status; what fails on the way, base images too, is a line.
      if (view === undefined && isRequestFault(error)) throw error;
      send(failureOf(error, view));
    }
    (body ?? exchange.stream(200, "application/json")).end();
  }

  #request(exchange: Exchange, options: ClassicOptions, output: ClassicOutput, signal: AbortSignal): BuildRequest {
    const context = { context: options.remote ?? BODY_CONTEXT };
    return {
      ref: randomBytes(16).toString("hex"),
      options: { ...parseFrontendAttributes({ ...options.attributes, ...context }), contextOwner: "root" },
      session: new ClassicSession(exchange.body(), exchange.request.headers["x-registry-config"]),
      progress: (status) => output.update(status),
      cacheImports: options.cacheFrom.map((ref) => ({ type: "registry", attributes: { ref } })),
      cacheExports: [],
      exports: options.exports,
      internal: false,
      explain: false,
      entitlements: options.attributes["force-network-mode"] === "host" ? ["network.host"] : [],
      signal,
    };
  }

  async #prepare(request: BuildRequest): Promise<PreparedBuild> {
    try {
      return await this.#builds.prepare(request);
    } catch (error) {
      if (!isNotFound(error) || !hasCode(error, ErrorCode.INVALID_DOCKERFILE)) throw error;
      const message = `Cannot locate specified Dockerfile: ${request.options.filename}`;
      throw new EngineError("internal", ErrorCode.INVALID_DOCKERFILE, message, { cause: error });
    }
  }
}

/** Labels of the query are a last instruction. */
function withLabels(steps: ClassicView["steps"], labels: Readonly<Record<string, string>>): ClassicView["steps"] {
  const names = Object.keys(labels).sort();
  if (names.length === 0) return steps;
  const text = `LABEL ${names.map((name) => `${name}=${labels[name] ?? ""}`).join(" ")}`;
  return [...steps, { text, vertex: undefined, kind: "other" }];
}
