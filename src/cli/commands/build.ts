import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { LocalBuildError, LocalBuildMessage, LocalBuildRequest, SolveExplanation } from "#engineapi";
import { EngineError, ErrorCode, isEngineError, isNotFound, messageOf } from "#errors";
import { Answers } from "../build/answers.ts";
import { buildAttributes, parseCall } from "../build/buildAttributes.ts";
import { BUILD_FLAGS } from "../build/buildFlags.ts";
import type { BuildFlags } from "../build/buildFlags.ts";
import { callResult } from "../build/callResult.ts";
import { contextSource, namedContexts } from "../build/contextSource.ts";
import { canOpenShell, openDebugShell } from "../build/debugShell.ts";
import { sourceExcerpt } from "../build/excerpt.ts";
import { cacheStores, recordCaches, withCacheDigests } from "../build/ociLayout.ts";
import { outputsOf } from "../build/outputs.ts";
import { explanationText, imageIdOf, warningsText, writeMetadata } from "../build/results.ts";
import { Secrets, SshAgents } from "../build/secrets.ts";
import { parseCaches, parseNamedContexts, parseSecret, parseSsh } from "../build/specs.ts";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import type { Session } from "../core/session.ts";
import { proxyVariables } from "../launch/proxies.ts";
import { openBuildScreen, PROGRESS_MODES } from "../progress/solveDisplay.ts";
import type { BuildScreen, ProgressMode } from "../progress/solveDisplay.ts";

const CANCELED = "ERROR: failed to solve: Canceled: context canceled";
const BUILD_PATH = "/varve/v1/build";
const IGNORED = {
  isolation: "isolation flag is deprecated with BuildKit.",
  securityOption: 'security-opt flag is deprecated. "RUN --security=insecure" should be used with BuildKit.',
  squash:
    "experimental flag squash is removed with BuildKit. You should squash inside build using a multi-stage Dockerfile for efficiency.",
};

function progressMode(flags: BuildFlags): { readonly mode: ProgressMode; readonly isQuiet: boolean } {
  const { progress } = flags;
  const isQuiet = flags.quiet || progress === "quiet";
  if (isQuiet && progress !== "auto" && progress !== "quiet") {
    throw new Error(`progress=${progress} and quiet cannot be used together`);
  }
  const mode = isQuiet ? "quiet" : PROGRESS_MODES.find((known) => known === progress);
  if (mode === undefined) throw new Error(`invalid progress mode ${progress}`);
  return { mode, isQuiet };
}

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

interface PreparedCall {
  readonly request: LocalBuildRequest;
  readonly answers: Answers;
}

async function prepareCall(session: Session, context: string, flags: BuildFlags): Promise<PreparedCall> {
  const environment = process.env;
  const outputs = outputsOf(flags, session.stdout);
  const own = buildAttributes(flags, environment);
  const named = namedContexts(parseNamedContexts(flags["build-context"]));
  const secrets = new Secrets(flags.secret.map(parseSecret), environment);
  const agents = new SshAgents(flags.ssh.map(parseSsh), environment);
  const cacheImports = withCacheDigests(parseCaches(flags["cache-from"]));
  const cacheExports = parseCaches(flags["cache-to"]);
  const stores = new Map([...named.stores, ...cacheStores(cacheImports, cacheExports)]);
  const source = await contextSource(context, flags.file, session.stdin);
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

class BuildFailure extends CommandError {
  readonly failure: LocalBuildError;

  constructor(failure: LocalBuildError) {
    super(failureText(failure));
    this.failure = failure;
  }
}

/** A shell when one was asked for, else where there is one to be had, if somebody can use it. */
async function afterFailure(session: Session, { failure, message }: BuildFailure): Promise<CommandError> {
  const { shell, exitCode } = failure;
  if (shell !== undefined) {
    session.warn(message);
    await openDebugShell(session, shell);
    return new CommandError("", 1);
  }
  const isOffered = exitCode !== undefined && canOpenShell(session);
  return new CommandError(isOffered ? `${message}\n--debug-shell opens a shell where the step began` : message);
}

interface Outcome {
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

async function runBuild(session: Session, call: PreparedCall, screen: BuildScreen): Promise<Outcome> {
  const { request, answers } = call;
  const cancel = (): void => {
    const query = { build: answers.build };
    // When the daemon does not hear it, the second signal is for us.
    void session.client.text({ method: "DELETE", path: BUILD_PATH, query }).catch(() => undefined);
  };
  using interrupts = new Interrupts(cancel);
  const { signal } = interrupts;
  answers.onStep = (status) => screen.update(status);
  const explanations = new Map<string, SolveExplanation>();
  const messages = session.client.lines<LocalBuildMessage>({ method: "POST", path: BUILD_PATH, json: request, signal });
  let response: Outcome["response"] | undefined;
  let failure: LocalBuildError | undefined;
  for await (const { build, status, ask, result, error } of whole(messages, signal)) {
    if (build !== undefined) answers.build = build;
    if (ask !== undefined) answers.take(ask);
    if (status !== undefined) screen.update(status);
    for (const one of status?.explanations ?? []) explanations.set(one.vertex, one);
    response ??= result;
    failure ??= error;
  }
  if (failure !== undefined) throw new BuildFailure(failure);
  await answers.settle();
  if (response === undefined)
    throw new EngineError("unavailable", ErrorCode.BAD_REQUEST, "the daemon broke the build off");
  return { response, explanations: [...explanations.values()] };
}

async function buildOn(session: Session, context: string, flags: BuildFlags): Promise<number> {
  const ignored = [
    ...(flags.isolation === "" ? [] : [IGNORED.isolation]),
    ...(flags["security-opt"].length === 0 ? [] : [IGNORED.securityOption]),
    ...(flags.squash ? [IGNORED.squash] : []),
  ];
  for (const text of ignored) session.warn(`WARNING: ${text}`);
  if (flags.builder !== "" && flags.builder !== "default")
    throw new Error(`no builder ${JSON.stringify(flags.builder)} found`);
  const call = parseCall(flags);
  if (flags["debug-shell"] && !canOpenShell(session)) throw new Error("the input device is not a TTY");
  const { mode, isQuiet } = progressMode(flags);
  const prepared = await prepareCall(session, context, flags);
  // A stale one would be taken for this build's.
  if (flags.iidfile !== "") rmSync(flags.iidfile, { force: true });
  const screen = openBuildScreen(session.stderr, {
    mode,
    description: 'building with "default" instance using docker driver',
    corner: "docker:default",
  });
  let outcome: Outcome;
  try {
    outcome = await runBuild(session, prepared, screen);
  } finally {
    screen.close();
    session.stderr.write(warningsText(screen, session.global.debug));
  }
  const { response, explanations } = outcome;
  recordCaches(prepared.request.cacheExports, response);
  if (flags.explain) session.stderr.write(explanations.map(explanationText).join(""));
  if (isQuiet && call === undefined) session.print(`${imageIdOf(response)}\n`);
  if (flags.iidfile !== "") writeFileSync(flags.iidfile, imageIdOf(response));
  if (flags["metadata-file"] !== "") {
    const ref = `default/default/${prepared.request.ref}`;
    writeMetadata(flags["metadata-file"], { ...response, "buildx.build.ref": ref });
  }
  if (call === undefined) return 0;
  const { text, exitCode } = callResult(call, response);
  session.print(text);
  return exitCode;
}

/** `varve build`. */
export const build: Command = defineCommand({
  use: "[OPTIONS] PATH | URL | -",
  short: "Build an image from a Dockerfile",
  examples: `build -t web .
build -t web --target test --build-arg GO=1.24 -f docker/Dockerfile .
build -o out --target artifacts .
build --secret id=token,src=token.txt --ssh default https://example.com/app.git#main
build --explain .`,
  args: { min: 1, max: 1 },
  flags: BUILD_FLAGS,
  async run({ session, flags, args: [context = ""] }) {
    try {
      return await buildOn(session, context, flags);
    } catch (error) {
      if (error instanceof BuildFailure) throw await afterFailure(session, error);
      if (error instanceof CommandError) throw error;
      if (isNotFound(error) && messageOf(error).includes("page not found")) {
        throw new CommandError(
          `ERROR: the engine at ${session.chosen.host.address} is none of varve's: build with docker there`,
        );
      }
      throw new CommandError(`ERROR: ${messageOf(error)}`);
    }
  },
});
