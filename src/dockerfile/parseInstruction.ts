import type { DockerfileNode } from "./ast.ts";
import { parseCommandLine, parseHealthcheck, parseRun, parseShell } from "./commandInstructions.ts";
import { invalidDockerfile } from "./dockerfileError.ts";
import { parseAdd, parseCopy } from "./fileInstructions.ts";
import { Flags } from "./flags.ts";
import { trimSpace } from "./goSpace.ts";
import type {
  ArgInstruction,
  Instruction,
  InstructionBase,
  KeyValue,
  OnbuildInstruction,
  Stage,
  VolumeInstruction,
} from "./instruction.ts";
import { KEYWORDS } from "./lineParsers.ts";
import { suggest, withSuggestion } from "./suggest.ts";

const STAGE_NAME = /^[a-z][a-z0-9-_.]*$/;

/** FROM, which begins a stage. */
export type StageHead = Omit<Stage, "instructions">;

function describe(comments: readonly string[], name: string): string {
  if (name === "") return "";
  const line = comments.find((comment) => comment.startsWith(`${name} `));
  return line === undefined ? "" : line.slice(name.length + 1);
}

function noFlags(node: DockerfileNode): void {
  new Flags(node.flags).used();
}

function oneArgument(node: DockerfileNode, keyword: string): string {
  const [first, ...others] = node.args;
  if (first === undefined || others.length > 0) {
    throw invalidDockerfile(`${keyword} requires exactly one argument`);
  }
  return first;
}

function someArguments(node: DockerfileNode, keyword: string): readonly string[] {
  if (node.args.length === 0) throw invalidDockerfile(`${keyword} requires at least one argument`);
  return node.args;
}

function pairs(node: DockerfileNode, keyword: string): readonly KeyValue[] {
  noFlags(node);
  const args = someArguments(node, keyword);
  const found: KeyValue[] = [];
  for (let at = 0; at < args.length; at += 3) {
    const key = args[at] ?? "";
    if (key === "") throw invalidDockerfile(`${keyword} names can not be blank`);
    found.push({ key, value: args[at + 1] ?? "", legacy: args[at + 2] === "" });
  }
  return found;
}

function parseArg(node: DockerfileNode, base: InstructionBase): ArgInstruction {
  const args = someArguments(node, "ARG").map((word) => {
    const at = word.indexOf("=");
    if (at === 0) throw invalidDockerfile("ARG names can not be blank");
    const key = at < 0 ? word : word.slice(0, at);
    return { key, description: describe(node.comments, key), ...(at < 0 ? {} : { value: word.slice(at + 1) }) };
  });
  return { ...base, kind: "arg", args };
}

function parseOnbuild(node: DockerfileNode, base: InstructionBase): OnbuildInstruction {
  const [first = ""] = someArguments(node, "ONBUILD");
  noFlags(node);
  const trigger = trimSpace(first).toUpperCase();
  if (trigger === "ONBUILD") throw invalidDockerfile("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === "MAINTAINER" || trigger === "FROM") {
    throw invalidDockerfile(`${trigger} isn't allowed as an ONBUILD trigger`);
  }
  const line = node.original.replace(/^\s*ONBUILD\s*/i, "");
  const documents = node.heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`);
  return { ...base, kind: "onbuild", expression: line + documents.join("") };
}

function parseVolume(node: DockerfileNode, base: InstructionBase): VolumeInstruction {
  const args = someArguments(node, "VOLUME");
  noFlags(node);
  const volumes = args.map((word) => trimSpace(word));
  if (volumes.includes("")) throw invalidDockerfile("VOLUME specified can not be an empty string");
  return { ...base, kind: "volume", volumes };
}

type Parser = (node: DockerfileNode, base: InstructionBase) => Instruction;

/** Arguments are counted before flags are looked at, or the other way round, as BuildKit does. */
const PARSERS: Readonly<Record<string, Parser>> = {
  add: parseAdd,
  arg: parseArg,
  cmd: (node, base) => {
    noFlags(node);
    return { ...base, kind: "cmd", command: parseCommandLine(node) };
  },
  copy: parseCopy,
  entrypoint: (node, base) => {
    noFlags(node);
    return { ...base, kind: "entrypoint", command: parseCommandLine(node) };
  },
  env: (node, base) => ({ ...base, kind: "env", variables: pairs(node, "ENV") }),
  expose: (node, base) => {
    const ports = [...someArguments(node, "EXPOSE")].sort();
    noFlags(node);
    return { ...base, kind: "expose", ports };
  },
  healthcheck: parseHealthcheck,
  label: (node, base) => ({ ...base, kind: "label", labels: pairs(node, "LABEL") }),
  maintainer: (node, base) => {
    const maintainer = oneArgument(node, "MAINTAINER");
    noFlags(node);
    return { ...base, kind: "maintainer", maintainer };
  },
  onbuild: parseOnbuild,
  run: parseRun,
  shell: parseShell,
  stopsignal: (node, base) => ({ ...base, kind: "stopsignal", signal: oneArgument(node, "STOPSIGNAL") }),
  user: (node, base) => {
    const user = oneArgument(node, "USER");
    noFlags(node);
    return { ...base, kind: "user", user };
  },
  volume: parseVolume,
  workdir: (node, base) => {
    const path = oneArgument(node, "WORKDIR");
    noFlags(node);
    return { ...base, kind: "workdir", path };
  },
};

/** FROM: the stage without its instructions. */
export function parseFrom(node: DockerfileNode): StageHead {
  const [baseName = "", as, written] = node.args;
  let name: string | undefined;
  if (node.args.length === 3 && as?.toLowerCase() === "as") {
    name = written?.toLowerCase() ?? "";
    if (!STAGE_NAME.test(name)) {
      throw invalidDockerfile(
        `invalid name for build stage: "${written ?? ""}", name can't start with a number or contain symbols`,
      );
    }
  } else if (node.args.length !== 1) throw invalidDockerfile("FROM requires either one or three arguments");
  const platform = new Flags(node.flags, { platform: "text" }).text("platform");
  return {
    ...(name === undefined ? {} : { name }),
    baseName,
    ...(platform === "" ? {} : { platform }),
    location: node.location,
    sourceCode: trimSpace(node.original),
    keyword: node.keyword,
    comments: node.comments,
    description: describe(node.comments, name ?? ""),
  };
}

/** Any instruction but FROM; errors without their lines. */
export function parseInstruction(node: DockerfileNode): Instruction {
  const keyword = node.keyword.toLowerCase();
  const parser = Object.hasOwn(PARSERS, keyword) ? PARSERS[keyword] : undefined;
  if (parser === undefined) {
    const meant = suggest(node.keyword, KEYWORDS, { anyCase: true });
    throw invalidDockerfile(withSuggestion(`unknown instruction: ${node.keyword}`, meant));
  }
  return parser(node, {
    keyword: node.keyword,
    original: trimSpace(node.original),
    location: node.location,
    comments: node.comments,
  });
}
