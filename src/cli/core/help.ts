import { configDirectory } from "#client";
import type { Command } from "./command.ts";
import { COMMANDS, COMMON, GROUPS } from "./commandTable.ts";
import type { CommandEntry } from "./commandTable.ts";
import type { FlagSet } from "./flags.ts";
import { globalFlags } from "./globalFlags.ts";
import { flagUsages } from "./usage.ts";

/** The program's name as messages show it. */
export const PROGRAM = "varve";

const DEFAULT_COLUMNS = 80;
const columns = (): number => process.stdout.columns ?? DEFAULT_COLUMNS;

const usageLine = (path: string, command: Pick<Command, "use">): string =>
  `Usage:  ${PROGRAM} ${path}${command.use === "" ? "" : ` ${command.use}`}`;

function visibleFlags(flags: FlagSet): FlagSet {
  const takesH = Object.values(flags).some((flag) => flag.short === "h");
  if (!takesH) return flags;
  const help = { usage: "Print usage", typeName: "", initial: false, parse: () => true };
  return { ...flags, help };
}

function examples(command: Command): readonly string[] {
  if (command.examples === undefined) return [];
  const lines = command.examples.trim().split("\n");
  return ["", "Examples:", ...lines.map((line) => `  ${line === "" ? "" : `${PROGRAM} ${line}`}`.trimEnd())];
}

/** `varve pull --help`. */
export function commandHelp(path: string, entry: CommandEntry, command: Command): string {
  const lines = [usageLine(path, command), "", command.long ?? command.short];
  if (entry.paths.length > 1) {
    lines.push("", "Aliases:", `  ${entry.paths.map((alias) => `${PROGRAM} ${alias}`).join(", ")}`);
  }
  lines.push(...examples(command));
  const flags = visibleFlags(command.flags);
  const options = Object.values(flags).some((flag) => flag.hidden !== true)
    ? `\nOptions:\n${flagUsages(flags, columns())}`
    : "";
  return `${lines.join("\n")}\n${options}`;
}

interface Row {
  readonly name: string;
  readonly short: string;
}

function rows(list: readonly Row[], width: number): string {
  const sorted = list.map(({ name, short }) => `  ${name.padEnd(width)} ${short}\n`);
  return sorted.join("");
}

const byName = (a: Row, b: Row): number => (a.name < b.name ? -1 : 1);

function widthOf(list: readonly Row[]): number {
  return Math.max(11, ...list.map((row) => row.name.length + 1));
}

const without = (name: string, prefix: string): string => name.slice(prefix.length + 1);

/** `varve image`. */
export function groupHelp(name: string, short: string): string {
  const inside = COMMANDS.flatMap(({ paths, short: about }) => {
    const path = paths.find((one) => one.startsWith(`${name} `) && !without(one, name).includes(" "));
    return path === undefined ? [] : [{ name: without(path, name), short: about }];
  }).sort(byName);
  const groups = GROUPS.filter((one) => one.name.startsWith(`${name} `)).map((one) => ({
    name: without(one.name, name),
    short: one.short,
  }));
  const width = widthOf([...groups, ...inside]);
  const managing = groups.length === 0 ? "" : `Management Commands:\n${rows(groups, width)}\n`;
  return (
    `Usage:  ${PROGRAM} ${name} COMMAND\n\n${short}\n\n${managing}Commands:\n${rows(inside, width)}\n` +
    `Run '${PROGRAM} ${name} COMMAND --help' for more information on a command.\n`
  );
}

/** `varve --help`. */
export function programHelp(): string {
  const top = COMMANDS.flatMap((entry) => {
    const name = entry.paths.find((path) => !path.includes(" "));
    return name === undefined ? [] : [{ name, short: entry.short }];
  });
  const common = COMMON.flatMap((name) => top.filter((row) => row.name === name));
  const others = top.filter((row) => !COMMON.includes(row.name)).sort(byName);
  const groups = GROUPS.filter(({ name }) => !name.includes(" "));
  const width = widthOf([...common, ...groups, ...others]);
  const options = flagUsages(globalFlags(configDirectory(undefined)), columns());
  return [
    `Usage:  ${PROGRAM} [OPTIONS] COMMAND`,
    "A container image engine that never unpacks a layer",
    `Common Commands:\n${rows(common, width)}`.trimEnd(),
    `Management Commands:\n${rows(groups, width)}`.trimEnd(),
    `Commands:\n${rows(others, width)}`.trimEnd(),
    `Global Options:\n${options}`.trimEnd(),
    `Run '${PROGRAM} COMMAND --help' for more information on a command.`,
    `The engine's address is -H, else VARVE_HOST, else DOCKER_HOST, else the local daemon, which is started when none runs.\n`,
  ].join("\n\n");
}

/** What follows the first line of an error about how a command was called. */
export function usageHint(path: string, command: Pick<Command, "use">, verb: "Run" | "See" = "Run"): string {
  return `${usageLine(path, command)}\n\n${runHelpHint(path, verb)}`;
}

/** `Run 'varve pull --help' for more information`. */
export function runHelpHint(path: string, verb: "Run" | "See" = "Run"): string {
  return `${verb} '${PROGRAM}${path === "" ? "" : ` ${path}`} --help' for more information`;
}
