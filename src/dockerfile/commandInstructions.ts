import { goQuote, parseGoDuration } from "#gotext";
/** RUN, CMD, ENTRYPOINT, SHELL and HEALTHCHECK. */
import type { DockerfileNode } from "./ast.ts";
import { invalidDockerfile } from "./dockerfileError.ts";
import { Flags, type FlagTypes } from "./flags.ts";
import type {
  CommandLine,
  Healthcheck,
  HealthcheckInstruction,
  InstructionBase,
  RunInstruction,
  ShellInstruction,
} from "./instruction.ts";
import { parseDevice, parseMount } from "./runMount.ts";

const RUN_FLAGS: FlagTypes = { mount: "texts", network: "text", security: "text", device: "texts" };
const HEALTH_FLAGS: FlagTypes = {
  interval: "text",
  timeout: "text",
  "start-period": "text",
  "start-interval": "text",
  retries: "text",
};
const NETWORKS = ["default", "none", "host"] as const;
const SECURITIES = ["sandbox", "insecure"] as const;
const MILLISECOND = 1e6;
const MAX_INT32 = 0x7fff_ffff;

function commandWords(args: readonly string[], json: boolean): readonly string[] {
  return json || args.length === 0 ? args : [args.join(" ")];
}

export function parseCommandLine(node: DockerfileNode): CommandLine {
  return {
    words: commandWords(node.args, node.json),
    shellForm: !node.json,
    heredocs: node.heredocs.map(({ name, content, chomp }) => ({ name, data: content, chomp })),
  };
}

export function parseRun(node: DockerfileNode, base: InstructionBase): RunInstruction {
  const flags = new Flags(node.flags, RUN_FLAGS);
  const used = flags.used();
  const networkName = used.includes("network") ? flags.text("network") : "default";
  const network = NETWORKS.find((known) => known === networkName);
  const mounts = flags.texts("mount").map((text) => parseMount(text));
  if (network === undefined) throw invalidDockerfile(`invalid network mode ${goQuote(networkName)}`);
  const securityName = used.includes("security") ? flags.text("security") : "sandbox";
  const security = SECURITIES.find((known) => known === securityName);
  if (security === undefined) throw invalidDockerfile(`security ${goQuote(securityName)} is not valid`);
  return {
    ...base,
    kind: "run",
    command: parseCommandLine(node),
    mountFlags: flags.texts("mount"),
    mounts,
    network,
    security,
    devices: flags.texts("device").map((text) => parseDevice(text)),
    flagsUsed: used,
  };
}

export function parseShell(node: DockerfileNode, base: InstructionBase): ShellInstruction {
  new Flags(node.flags).used();
  if (node.args.length === 0) throw invalidDockerfile("SHELL requires at least one argument");
  if (!node.json) throw invalidDockerfile(`SHELL requires the arguments to be in JSON form`);
  return { ...base, kind: "shell", shell: node.args };
}

function parseInterval(flags: Flags, name: string): number {
  const text = flags.text(name);
  if (text === "") return 0;
  const value = parseGoDuration(text);
  if (typeof value === "string") throw invalidDockerfile(value);
  if (value !== 0 && value < MILLISECOND) {
    throw invalidDockerfile(`Interval ${goQuote(name)} cannot be less than 1ms`);
  }
  return value;
}

function parseRetries(text: string): number {
  if (text === "") return 0;
  const parsing = `strconv.ParseInt: parsing ${goQuote(text)}`;
  if (!/^[+-]?[0-9]+$/.test(text)) throw invalidDockerfile(`${parsing}: invalid syntax`);
  const value = Number(text);
  if (value > MAX_INT32 || value < -MAX_INT32 - 1) throw invalidDockerfile(`${parsing}: value out of range`);
  if (value < 0) throw invalidDockerfile(`--retries cannot be negative (${value})`);
  return value;
}

function parseHealth(node: DockerfileNode): Healthcheck {
  const [word, ...args] = node.args;
  const nothing = { interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };
  if (word === undefined) throw invalidDockerfile("HEALTHCHECK requires at least one argument");
  const type = word.toUpperCase();
  if (type === "NONE") {
    if (args.length > 0) throw invalidDockerfile("HEALTHCHECK NONE takes no arguments");
    return { ...nothing, test: ["NONE"] };
  }
  const flags = new Flags(node.flags, HEALTH_FLAGS);
  if (type !== "CMD") throw invalidDockerfile(`Unknown type ${goQuote(type)} in HEALTHCHECK (try CMD)`);
  const command = commandWords(args, node.json);
  if (command.length === 0) throw invalidDockerfile("Missing command after HEALTHCHECK CMD");
  return {
    test: [node.json ? "CMD" : "CMD-SHELL", ...command],
    interval: parseInterval(flags, "interval"),
    timeout: parseInterval(flags, "timeout"),
    startPeriod: parseInterval(flags, "start-period"),
    startInterval: parseInterval(flags, "start-interval"),
    retries: parseRetries(flags.text("retries")),
  };
}

export function parseHealthcheck(node: DockerfileNode, base: InstructionBase): HealthcheckInstruction {
  return { ...base, kind: "healthcheck", health: parseHealth(node) };
}
