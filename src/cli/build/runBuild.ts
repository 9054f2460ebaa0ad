import { readFileSync } from "node:fs";
import type {
  LocalBuildError,
  LocalBuildMessage,
  LocalBuildRequest,
  LocalBuildShell,
  SolveExplanation,
  SolveStatus,
} from "#engineapi";
import { EngineError, ErrorCode, isEngineError } from "#errors";
import { CommandError } from "../core/commandError.ts";
import type { Session } from "../core/session.ts";
import { proxyVariables } from "../launch/proxies.ts";
import { Answers } from "./answers.ts";
import { buildAttributes, parseCall } from "./buildAttributes.ts";
import type { BuildFlags } from "./buildFlags.ts";
import { contextSource, namedContexts } from "./contextSource.ts";
import { sourceExcerpt } from "./excerpt.ts";
import { cacheStores, withCacheDigests } from "./ociLayout.ts";
import { outputsOf } from "./outputs.ts";
import { Secrets, SshAgents } from "./secrets.ts";
import { parseCaches, parseNamedContexts, parseSecret, parseSsh } from "./specs.ts";

const CANCELED = "ERROR: failed to solve: Canceled: context canceled";
const BUILD_PATH = "/varve/v1/build";

/** Boot id of this machine, to tell a daemon that reads directories in place from one elsewhere. */
function machine(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    // Not Linux: the daemon is elsewhere.
    return "";
  }
}

/** As BuildKit names builds; no secret. */
function buildName(): string {
  return Array.from({ length: 25 }, () => Math.floor(Math.random() * 36).toString(36)).join("");
}

/** A build that is ready to be asked for, and what answers the daemon while it runs. */
export interface PreparedCall {
  readonly request: LocalBuildRequest;
  readonly answers: Answers;
}

/** The command line and the context → request. */
export async function prepareCall(session: Session, context: string, flags: BuildFlags): Promise<PreparedCall> {
  const environment = process.env;
  const outputs = outputsOf(flags, session.stdout);
  const own = buildAttributes(flags, environment);
  const named = namedContexts(parseNamedContexts(flags["build-context"]));
  const secrets = new Secrets(flags.secret.map(parseSecret), environment);
  const agents = new SshAgents(flags.ssh.map(parseSsh), environment);
  const cacheImports = withCacheDigests(parseCaches(flags["cache-from"]));
  const cacheExports = parseCaches(flags["cache-to"]);
  const stores = new Map([...named.stores, ...cacheStores(cacheImports, cacheExports)]);
  const source = await contextSource(context, flags.file, () => session.stdin);
  const proxies = proxyVariables(session.config, session.chosen.host.address);
  const proxyArguments = Object.entries(proxies).map(([name, value]) => [`build-arg:${name}`, value] as const);
  const directories = { ...named.directories, ...source.directories };
  const inline = /^(?:1|t|true)$/i.test(own["build-arg:BUILDKIT_INLINE_CACHE"] ?? "");
  const request: LocalBuildRequest = {
    ref: buildName(),
    attributes: { ...Object.fromEntries(proxyArguments), ...own, ...named.attributes, ...source.attributes },
    exports: parseCall(flags) === undefined ? outputs.map((output) => output.request) : [],
    cacheImports,
    cacheExports: inline ? [...cacheExports, { type: "inline", attributes: {} }] : cacheExports,
    entitlements: [...flags.allow, ...(flags.network === "host" ? ["network.host"] : [])],
    explain: flags.explain,
    debugShell: flags["debug-shell"],
    machine: machine(),
    directories,
  };
  return { request, answers: new Answers({ session, source, directories, secrets, agents, outputs, stores }) };
}

/** The failure of a build as docker shows it: where in the Dockerfile, then what. */
function failureText(error: LocalBuildError): string {
  if (error.category === "cancelled") return CANCELED;
  const excerpt = error.source === undefined ? "" : sourceExcerpt(error.source);
  const hint = error.hint === undefined ? "" : `\n${error.hint}`;
  return `${excerpt}ERROR: failed to solve: ${error.message}${hint}`;
}

/** A build that the daemon says has failed; the message is what docker shows. */
export class BuildFailure extends CommandError {
  readonly failure: LocalBuildError;

  constructor(failure: LocalBuildError) {
    super(failureText(failure));
    this.failure = failure;
  }
}

/** What came of a build. */
export interface Outcome {
  readonly response: Readonly<Record<string, string>>;
  readonly explanations: readonly SolveExplanation[];
}

/** Until Ctrl-C ends it: the first asks the daemon to stop, so that its last words are seen; the second does not wait. */
class Interrupts implements Disposable {
  readonly #controller = new AbortController();
  readonly #cancel: () => void;
  #asked = false;

  constructor(cancel: () => void) {
    this.#cancel = cancel;
    process.on("SIGINT", this.#onSignal).on("SIGTERM", this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#onSignal).off("SIGTERM", this.#onSignal);
  }

  readonly #onSignal = (): void => {
    if (this.#asked) this.#controller.abort(new CommandError(CANCELED, 130));
    else this.#cancel();
    this.#asked = true;
  };
}

/** A stream that breaks off means that the daemon is gone, unless it was us who left. */
async function* whole<T>(messages: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    signal.throwIfAborted();
    if (isEngineError(error)) throw error;
    throw new CommandError("ERROR: failed to solve: Unavailable: error reading from server: EOF");
  }
}

/** Who hears of a running build. */
export interface BuildListener {
  update(status: SolveStatus): void;
  /** A shell where a step failed was asked for and can be had until this resolves. */
  openShell?(failure: BuildFailure, shell: LocalBuildShell): Promise<void>;
}

/** Runs a build on a session's daemon to its end. @throws {BuildFailure} */
export async function runBuild(session: Session, call: PreparedCall, listener: BuildListener): Promise<Outcome> {
  const { request, answers } = call;
  const cancel = (): void => {
    const query = { build: answers.build };
    // When the daemon does not hear it, the second signal is for us.
    void session.client.text({ method: "DELETE", path: BUILD_PATH, query }).catch(() => undefined);
  };
  using interrupts = new Interrupts(cancel);
  const { signal } = interrupts;
  const update = (status: SolveStatus): void => listener.update(status);
  answers.onStep = update;
  const explanations = new Map<string, SolveExplanation>();
  const messages = session.client.lines<LocalBuildMessage>({ method: "POST", path: BUILD_PATH, json: request, signal });
  let response: Outcome["response"] | undefined;
  let failure: LocalBuildError | undefined;
  let shell: Promise<void> | undefined;
  for await (const { build, status, ask, result, error } of whole(messages, signal)) {
    if (build !== undefined) answers.build = build;
    if (ask !== undefined) answers.take(ask);
    if (status !== undefined) update(status);
    for (const one of status?.explanations ?? []) explanations.set(one.vertex, one);
    response ??= result;
    failure ??= error;
    // What the shell's mounts ask for goes on being answered.
    if (error?.shell !== undefined) shell = listener.openShell?.(new BuildFailure(error), error.shell).finally(cancel);
    if (error?.shell !== undefined && shell === undefined) cancel();
  }
  await shell;
  if (failure !== undefined) throw new BuildFailure(failure);
  await answers.settle();
  if (response === undefined)
    throw new EngineError("unavailable", ErrorCode.BAD_REQUEST, "the daemon broke the build off");
  return { response, explanations: [...explanations.values()] };
}
