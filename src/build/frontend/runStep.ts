import type { RunInstruction } from "#dockerfile";
import { EngineError, ErrorCode } from "#errors";
import type { ExecMount, ExecOperation } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import { execLimits } from "./execLimits.ts";
import type { Later } from "./later.ts";
import type { LinkedInstruction } from "./links.ts";
import { joinPath } from "./paths.ts";
import { locationOf } from "./planContext.ts";
import type { PlanContext } from "./planContext.ts";
import { runMounts } from "./runMounts.ts";
import type { StageState } from "./stage.ts";
import { summarizeHeredoc } from "./stepNames.ts";
import { stepName } from "./stepPlace.ts";
import { makeVertex, SCRATCH } from "./vertices.ts";

const PIPES = "/dev/pipes/";
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_DOCKERFILE, message);
}

/** What RUN runs. */
interface Command {
  readonly words: readonly string[];
  /** A document with `#!` that is mounted and run. */
  readonly script: { readonly name: string; readonly data: string } | undefined;
  /** Shown behind the instruction. */
  readonly summary: string;
}

const chompTabs = (data: string): string => data.replace(/^\t+/gm, "");

function commandOf({ command }: RunInstruction): Command {
  const { words, heredocs } = command;
  const [first] = heredocs;
  if (first === undefined) return { words, script: undefined, summary: "" };
  const [line = ""] = words;
  if (words.length !== 1 || !command.shellForm)
    throw refused(`parsing produced an invalid run command: [${words.join(" ")}]`);
  if (/^<<-?\s*(?:[^<\s]+)$/.test(line.trim())) {
    const data = first.chomp ? chompTabs(first.data) : first.data;
    const summary = ` (${summarizeHeredoc(first.data)})`;
    if (!data.startsWith("#!")) return { words: [data], script: undefined, summary };
    return { words: [PIPES + first.name], script: { name: first.name, data }, summary };
  }
  const whole = heredocs.map(({ data, name }) => `\n${data}${name}`).join("");
  return { words: [line + whole], script: undefined, summary: "" };
}

/** `|2 A=1 B=2 /bin/sh -c make`: this stage's arguments count for the command, once for each ARG. */
function wordsOf(state: StageState, { arguments: words, environment }: ExecOperation): () => string {
  const count = state.buildArguments.length;
  return () => {
    const shown = state.buildArguments
      .slice(0, count)
      .map(({ key, value = "" }) => state.environment.textIn(environment, key) ?? `${key}=${value}`);
    return ["RUN", ...(count > 0 ? [`|${count}`, ...shown] : []), ...words].join(" ");
  };
}

function proxiesOf(given: ReadonlyMap<string, string>): readonly string[] {
  const found = new Map<string, string>();
  for (const [name, value] of [...given].sort(([left], [right]) => (left < right ? -1 : 1)))
    if (PROXIES.includes(name.toUpperCase())) found.set(name.toUpperCase(), value);
  return Array.from(found).flatMap(([name, value]) => [`${name}=${value}`, `${name.toLowerCase()}=${value}`]);
}

/** @throws {permission_denied} in BuildKit's words when the client did not allow it */
function checkEntitlements(context: PlanContext, network: string, security: string): void {
  const needed = [
    ...(network === "host" ? ["network.host"] : []),
    ...(security === "insecure" ? ["security.insecure"] : []),
  ];
  for (const name of needed) {
    if (context.request.entitlements.includes(name)) continue;
    throw new EngineError("permission_denied", ErrorCode.BAD_REQUEST, `failed to load LLB: ${name} is not allowed`);
  }
}

function scriptVertex(state: StageState, script: { readonly name: string; readonly data: string }): Vertex {
  return makeVertex({
    name: "[internal] preparing inline document",
    operation: {
      kind: "file",
      actions: [
        {
          action: "makeFile",
          name: script.name,
          data: script.data,
          destination: `/${script.name}`,
          destinationIsDirectory: false,
          owner: undefined,
          mode: "0755",
        },
      ],
      link: false,
      epoch: undefined,
    },
    inputs: [SCRATCH],
    ignoreCache: state.ignoreCache,
  });
}

function secretVariables(state: StageState, { mounts }: RunInstruction): ReadonlyMap<string, string> {
  const hidden = mounts.flatMap(({ type, env }) => (type === "secret" && env !== undefined ? [env] : []));
  return hidden.length === 0
    ? state.environment
    : new Map([...state.environment, ...hidden.map((name) => [name, "****"] as const)]);
}

/** RUN: one step that runs a command and makes one layer of what it changed. */
export function runStep(
  context: PlanContext,
  state: StageState,
  instruction: RunInstruction,
  { sources, isOnBuild }: Pick<LinkedInstruction, "sources" | "isOnBuild">,
): void {
  state.paths.add("/");
  state.outline.mounts(instruction.mounts, instruction.location);
  const command = commandOf(instruction);
  if (instruction.devices.length > 0) throw refused("RUN --device is not supported: no CDI devices here");
  const inputs: Later<Vertex>[] = [];
  const mounts = [...runMounts(context, state, instruction, { sources, inputs })];
  if (command.script !== undefined) mounts.push(scriptMount(inputs, scriptVertex(state, command.script)));
  const name = stepName(context, state, instruction.original + command.summary, {
    isOnBuild,
    isRun: true,
    variables: secretVariables(state, instruction),
  });
  const operation = operationOf(context, state, instruction, { command, mounts });
  state.build((base) =>
    makeVertex({
      name,
      operation,
      inputs: [base, ...inputs.map((input) => input())],
      ignoreCache: state.ignoreCache,
      location: locationOf(context.dockerfile, instruction.location),
      instruction: instruction.original,
    }),
  );
  state.image?.commit(wordsOf(state, operation), { layer: true, isStep: true, epoch: context.epoch });
}

function operationOf(
  context: PlanContext,
  state: StageState,
  instruction: RunInstruction,
  { command, mounts }: { readonly command: Command; readonly mounts: readonly ExecMount[] },
): ExecOperation {
  const { options, targetPlatform } = context;
  const isShell = instruction.command.shellForm;
  const network = instruction.flagsUsed.includes("network") ? instruction.network : options.networkMode;
  const words = isShell && state.image !== undefined ? state.image.withShell(command.words) : command.words;
  if (words.length === 0) throw refused("failed to marshal LLB definition: arguments are required");
  checkEntitlements(context, network, instruction.security);
  return {
    kind: "exec",
    arguments: words,
    environment: state.environment.texts(),
    workingDirectory: state.workingDirectory,
    user: state.image?.config.User ?? "",
    mounts,
    network,
    security: instruction.security,
    platform: state.platform ?? targetPlatform,
    limits: execLimits(options),
    hostname: options.hostname,
    extraHosts: options.addHosts,
    proxyEnvironment: proxiesOf(options.buildArguments),
  };
}

function scriptMount(inputs: Later<Vertex>[], script: Vertex): ExecMount {
  inputs.push(() => script);
  return { type: "bind", input: inputs.length, source: "/", target: joinPath("/", PIPES), readWrite: false };
}
