import { exposedPorts, expandWord } from "#dockerfile";
import type { ArgInstruction, EnvInstruction, Healthcheck, HealthcheckInstruction, Instruction } from "#dockerfile";
import type { CommandLine, Expansion, WorkdirInstruction } from "#dockerfile";
import { EngineError, ErrorCode } from "#errors";
import { goQuote } from "#gotext";
import { quotedList } from "./imageDraft.ts";
import type { StageImage } from "./imageDraft.ts";
import { joinPath } from "./paths.ts";
import { locationOf } from "./planContext.ts";
import type { PlanContext } from "./planContext.ts";
import type { StageState } from "./stage.ts";
import { stepName } from "./stepPlace.ts";
import { makeVertex } from "./vertices.ts";

/** Arguments that never reach a step. */
const NO_VARIABLES: ReadonlySet<string> = new Set(["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"]);
const DIRECTORY_MODE = 0o755;

/** Instructions that change the image's config; WORKDIR makes a directory too. */
export type ConfigInstruction = Exclude<
  Instruction,
  { readonly kind: "add" } | { readonly kind: "copy" } | { readonly kind: "run" }
>;

export interface ConfigPlace {
  readonly context: PlanContext;
  readonly state: StageState;
  readonly image: StageImage;
  readonly isOnBuild: boolean;
  /** A CMD came before in this stage: ENTRYPOINT leaves it. */
  readonly hasCommand: boolean;
}

/** Does the instruction to the stage's environment and image. */
export function configStep(place: ConfigPlace, instruction: ConfigInstruction): void {
  const { image, context, hasCommand } = place;
  if (instruction.kind === "arg") argStep(place, instruction);
  else if (instruction.kind === "env") envStep(place, instruction);
  else if (instruction.kind === "workdir") workdirStep(place, instruction);
  else if (instruction.kind === "onbuild")
    image.config.OnBuild = [...(image.config.OnBuild ?? []), instruction.expression];
  else image.commit(wordsOf(image, instruction, hasCommand), { epoch: context.epoch });
}

type Plain = Exclude<
  ConfigInstruction,
  { readonly kind: "arg" } | { readonly kind: "env" } | { readonly kind: "workdir" } | { readonly kind: "onbuild" }
>;

/** Changes the config; the words of its history entry. */
function wordsOf(image: StageImage, instruction: Plain, hasCommand: boolean): string {
  const { config } = image;
  switch (instruction.kind) {
    case "maintainer":
      image.author = instruction.maintainer;
      return `MAINTAINER ${instruction.maintainer}`;
    case "label":
      image.addLabels(instruction.labels.map(({ key, value }) => [key, value]));
      return ["LABEL", ...instruction.labels.map(({ key, value }) => `${key}=${value}`)].join(" ");
    case "cmd":
      config.Cmd = commandWords(image, instruction.command);
      config.ArgsEscaped = true;
      return `CMD ${quotedList(config.Cmd)}`;
    case "entrypoint":
      config.Entrypoint = commandWords(image, instruction.command);
      if (!hasCommand) config.Cmd = null;
      return `ENTRYPOINT ${quotedList(config.Entrypoint)}`;
    case "healthcheck":
      return healthWords(image, instruction);
    case "expose":
      return exposeWords(image, exposedPorts(instruction.ports, instruction.location));
    case "user":
      config.User = instruction.user;
      return `USER ${instruction.user}`;
    case "volume":
      return volumeWords(image, instruction.volumes);
    case "stopsignal":
      checkSignal(instruction.signal);
      config.StopSignal = instruction.signal;
      return `STOPSIGNAL ${instruction.signal}`;
    case "shell":
      config.Shell = instruction.shell;
      return `SHELL [${instruction.shell.join(" ")}]`;
  }
}

function commandWords(image: StageImage, { words, shellForm }: CommandLine): readonly string[] {
  return shellForm ? image.withShell(words) : words;
}

function exposeWords(image: StageImage, ports: readonly string[]): string {
  image.addPorts(ports);
  // Go prints a map's keys in their order.
  const shown = [...new Set(ports)].sort().map((port) => `${port}:{}`);
  return `EXPOSE map[${shown.join(" ")}]`;
}

function volumeWords(image: StageImage, volumes: readonly string[]): string {
  if (volumes.includes("")) throw refused("VOLUME specified can not be an empty string");
  image.addVolumes(volumes);
  return `VOLUME [${volumes.join(" ")}]`;
}

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_DOCKERFILE, message);
}

/** Go's `time.Duration` in words: `1m30s`, `500ms`. */
function durationWords(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1000) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const seconds = nanoseconds / 1e9;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = `${Number((seconds - hours * 3600 - minutes * 60).toFixed(9))}s`;
  return hours > 0 ? `${hours}h${minutes}m${rest}` : minutes > 0 ? `${minutes}m${rest}` : rest;
}

/** Go's `%q` of a number: the character it stands for. */
function quotedNumber(value: number): string {
  const isCharacter = value >= 0 && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
  const character = String.fromCodePoint(isCharacter ? value : 0xfffd);
  if (character === "'") return "'\\''";
  return character === '"' ? `'"'` : `'${goQuote(character).slice(1, -1)}'`;
}

function healthWords({ config }: StageImage, { health }: HealthcheckInstruction): string {
  config.Healthcheck = healthConfig(health);
  const times = [health.interval, health.timeout, health.startPeriod, health.startInterval];
  const shown = times.map((time) => `"${durationWords(time)}"`).join(" ");
  return `HEALTHCHECK &{${quotedList(health.test)} ${shown} ${quotedNumber(health.retries)}}`;
}

function healthConfig(health: Healthcheck): NonNullable<StageImage["config"]["Healthcheck"]> {
  const { test, interval, timeout, startPeriod, startInterval, retries } = health;
  return {
    ...(test.length === 0 ? {} : { Test: test }),
    ...(interval === 0 ? {} : { Interval: interval }),
    ...(timeout === 0 ? {} : { Timeout: timeout }),
    ...(startPeriod === 0 ? {} : { StartPeriod: startPeriod }),
    ...(startInterval === 0 ? {} : { StartInterval: startInterval }),
    ...(retries === 0 ? {} : { Retries: retries }),
  };
}

const SIGNALS = new Set(
  (
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP " +
    "TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX"
  ).split(" "),
);

function checkSignal(signal: string): void {
  const name = signal.toUpperCase().replace(/^SIG/, "");
  const isRealTime = /^RTM(?:IN\+|AX-)(?:[1-9]|1[0-5])$/.test(name);
  const isNumber = /^\d+$/.test(signal) && Number(signal) > 0;
  if (!isNumber && !isRealTime && !SIGNALS.has(name)) throw refused(`invalid signal: ${signal}`);
}

function envStep({ context, state, image }: ConfigPlace, { variables }: EnvInstruction): void {
  for (const { key, value } of variables) {
    state.environment.set(key, value);
    image.setEnvironment(key, value);
  }
  const words = ["ENV", ...variables.map(({ key, value }) => `${key}=${value}`)].join(" ");
  image.commit(words, { epoch: context.epoch });
}

/** `isUnused`: a build argument wins, so that a default which cannot be expanded does no harm. */
function expandDefault(
  { context, state }: Pick<ConfigPlace, "context" | "state">,
  fallback: string | undefined,
  isUnused: boolean,
): Expansion | undefined {
  if (fallback === undefined) return undefined;
  try {
    return expandWord(fallback, state.environment, { escape: context.escape });
  } catch (error) {
    if (isUnused) return undefined;
    throw error;
  }
}

function argStep({ context, state, image }: ConfigPlace, { args, location }: ArgInstruction): void {
  const words = ["ARG"];
  // The words are the instruction's own: what a build argument or a global ARG gives is told where it is used.
  for (const arg of args) {
    const { key, value: fallback } = arg;
    const given = context.options.buildArguments.get(key);
    const own = expandDefault({ context, state }, fallback, given !== undefined);
    const value = given ?? (fallback === undefined ? context.globals.get(key) : own?.result);
    // One that comes from before the first FROM has been told there.
    const isInherited = given === undefined && fallback === undefined && value !== undefined;
    if (!isInherited) state.outline.define(arg, value, location, given === undefined ? own?.matched : undefined);
    state.outline.use([key]);
    if (value !== undefined && !NO_VARIABLES.has(key)) state.environment.set(key, value);
    state.buildArguments.push({ key, value });
    words.push(fallback === undefined ? key : `${key}=${own?.result ?? fallback}`);
  }
  image.commit(words.join(" "), { epoch: context.epoch });
}

function workdirStep({ context, state, image, isOnBuild }: ConfigPlace, instruction: WorkdirInstruction): void {
  const { dockerfile, epoch } = context;
  const path = joinPath(image.config.WorkingDir ?? "/", instruction.path);
  // An absolute one is kept as it is written, `/app/` too.
  const written = instruction.path.startsWith("/") ? instruction.path : path;
  image.config.WorkingDir = written;
  state.workingDirectory = path;
  if (path !== "/") {
    const name = stepName(context, state, instruction.original, { isOnBuild });
    const { User = "" } = image.config;
    const owner = User === "" ? undefined : User;
    state.build((base) =>
      makeVertex({
        name,
        operation: {
          kind: "file",
          actions: [{ action: "makeDirectory", path, mode: DIRECTORY_MODE, owner }],
          link: false,
          epoch,
        },
        inputs: [base],
        location: locationOf(dockerfile, instruction.location),
        instruction: instruction.original,
      }),
    );
  }
  image.commit(`WORKDIR ${written}`, { layer: path !== "/", epoch });
}
