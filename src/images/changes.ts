/** Dockerfile instructions that change an image config: `import -c`, `commit -c`. */
import { constants } from "node:os";
import { posix } from "node:path";
import type { ContainerDefaults } from "#oci";
import { readHealthcheck } from "./changeHealth.ts";
import { readCommand, readInstructions, readJsonWords } from "./changeLines.ts";
import { readPorts } from "./changePorts.ts";
import { expandWord, splitWords } from "./changeWords.ts";
import type { Variables } from "./changeWords.ts";
import { invalidChange } from "./imageErrors.ts";

type Apply = (config: ContainerDefaults, rest: string) => ContainerDefaults;

const SHELL = ["/bin/sh", "-c"] as const;

const INSTRUCTIONS: Readonly<Record<string, Apply>> = {
  CMD: (config, rest) => ({ ...config, Cmd: commandOf(rest) }),
  ENTRYPOINT: setEntrypoint,
  ENV: setEnv,
  EXPOSE: expose,
  HEALTHCHECK: (config, rest) => ({ ...config, Healthcheck: readHealthcheck(rest) }),
  LABEL: (config, rest) => ({
    ...config,
    Labels: { ...config.Labels, ...Object.fromEntries(pairs("LABEL", config, rest)) },
  }),
  ONBUILD: addTrigger,
  STOPSIGNAL: setStopSignal,
  USER: (config, rest) => ({ ...config, User: single("USER", config, rest) }),
  VOLUME: addVolumes,
  WORKDIR: (config, rest) => ({ ...config, WorkingDir: workdir(config, single("WORKDIR", config, rest)) }),
};

/**
 * Applies instructions in turn; an option may hold several lines. Variables are those of earlier `ENV`s.
 * @throws {invalid_argument} in dockerd's words, e.g. `RUN is not a valid change command`
 */
export function applyChanges(changes: readonly string[], base: ContainerDefaults = {}): ContainerDefaults {
  if (changes.length === 0) return base;
  const instructions = readInstructions(changes).map(({ name, rest }) => {
    const apply = Object.hasOwn(INSTRUCTIONS, name.toUpperCase()) ? INSTRUCTIONS[name.toUpperCase()] : undefined;
    if (apply === undefined) throw invalidChange(`${name} is not a valid change command`);
    return { apply, rest };
  });
  return instructions.reduce((config, { apply, rest }) => apply(config, rest), base);
}

function commandOf(rest: string): readonly string[] {
  const { isJson, words } = readCommand(rest);
  return isJson ? words : [...SHELL, ...words];
}

function setEntrypoint(config: ContainerDefaults, rest: string): ContainerDefaults {
  const { isJson, words } = readCommand(rest);
  if (words.length === 0) return { ...config, Entrypoint: null };
  return { ...config, Entrypoint: isJson ? words : [...SHELL, ...words] };
}

function setEnv(config: ContainerDefaults, rest: string): ContainerDefaults {
  const env = new Map(variablesOf(config));
  for (const [name, value] of pairs("ENV", config, rest)) env.set(name, value);
  return { ...config, Env: [...env].map(([name, value]) => `${name}=${value}`) };
}

function variablesOf({ Env }: ContainerDefaults): Variables {
  return new Map((Env ?? []).map((item) => [item.replace(/=[^]*$/, ""), item.slice(item.indexOf("=") + 1)]));
}

/** `a=b "c d"=e`, or the old form `name the whole rest`. */
function pairs(name: string, config: ContainerDefaults, rest: string): readonly (readonly [string, string])[] {
  const words = splitWords(rest);
  const [first] = words;
  if (first === undefined) throw invalidChange(`${name} requires at least one argument`);
  const variables = variablesOf(config);
  return (first.includes("=") ? words.map(splitPair) : [oldPair(name, rest)]).map(([key, value]) => {
    const expanded = expandWord(key, variables);
    if (expanded === "") throw invalidChange(`${name} names can not be blank`);
    return [expanded, expandWord(value, variables)];
  });
}

function splitPair(word: string): readonly [string, string] {
  const at = word.indexOf("=");
  if (at >= 0) return [word.slice(0, at), word.slice(at + 1)];
  throw invalidChange(`Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`);
}

function oldPair(name: string, rest: string): readonly [string, string] {
  const [, key, value] = /^(\S+)\s+([^]+)$/.exec(rest) ?? [];
  if (key === undefined || value === undefined) throw invalidChange(`${name} must have two arguments`);
  return [key, value];
}

function single(name: string, config: ContainerDefaults, rest: string): string {
  if (rest === "") throw invalidChange(`${name} requires exactly one argument`);
  return expandWord(rest, variablesOf(config));
}

function several(name: string, config: ContainerDefaults, rest: string): readonly string[] {
  if (rest === "") throw invalidChange(`${name} requires at least one argument`);
  const variables = variablesOf(config);
  return rest.split(/\s+/).flatMap((word) => splitWords(expandWord(word, variables)));
}

function expose(config: ContainerDefaults, rest: string): ContainerDefaults {
  const ports = several("EXPOSE", config, rest).flatMap(readPorts);
  return { ...config, ExposedPorts: { ...config.ExposedPorts, ...asSet(ports) } };
}

function addVolumes(config: ContainerDefaults, rest: string): ContainerDefaults {
  const json = readJsonWords(rest);
  const variables = variablesOf(config);
  const volumes = (json ?? rest.split(/\s+/).filter((word) => word !== "")).map((word) =>
    expandWord(word, variables).trim(),
  );
  if (volumes.length === 0) throw invalidChange("VOLUME requires at least one argument");
  if (volumes.includes("")) throw invalidChange("VOLUME specified can not be an empty string");
  return { ...config, Volumes: { ...config.Volumes, ...asSet(volumes) } };
}

/** Go's `map[string]struct{}` as JSON. */
function asSet(names: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries([...names].sort().map((name) => [name, {}]));
}

function workdir({ WorkingDir }: ContainerDefaults, path: string): string {
  const whole = posix.resolve("/", WorkingDir ?? "", path);
  return whole;
}

function addTrigger(config: ContainerDefaults, rest: string): ContainerDefaults {
  const [trigger = ""] = rest.toUpperCase().split(/\s+/);
  if (trigger === "") throw invalidChange("ONBUILD requires at least one argument");
  if (trigger === "ONBUILD") throw invalidChange("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === "FROM" || trigger === "MAINTAINER") {
    throw invalidChange(`${trigger} isn't allowed as an ONBUILD trigger`);
  }
  return { ...config, OnBuild: [...(config.OnBuild ?? []), rest] };
}

function setStopSignal(config: ContainerDefaults, rest: string): ContainerDefaults {
  const signal = single("STOPSIGNAL", config, rest);
  if (!isSignal(signal)) throw invalidChange(`invalid signal: ${signal}`);
  return { ...config, StopSignal: signal };
}

function isSignal(text: string): boolean {
  if (/^[-+]?\d+$/.test(text)) return Number(text) !== 0;
  const name = text.toUpperCase().replace(/^SIG/, "");
  return (
    Object.hasOwn(constants.signals, `SIG${name}`) ||
    /^RTM(?:IN(?:\+(?:[1-9]|1[0-5]))?|AX(?:-(?:[1-9]|1[0-4]))?)$/.test(name)
  );
}
