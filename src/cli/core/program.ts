import { configDirectory } from "#client";
import { findEngineError, messageOf } from "#errors";
import type { Command } from "./command.ts";
import { isCommandError } from "./commandError.ts";
import { findCommand, findGroup } from "./commandTable.ts";
import { globalFlags, toGlobalFlags } from "./globalFlags.ts";
import { commandHelp, groupHelp, PROGRAM, programHelp, runHelpHint, usageHint } from "./help.ts";
import { parseFlags } from "./parseFlags.ts";
import type { ParsedFlags } from "./parseFlags.ts";
import { openSession } from "./session.ts";
import type { GlobalFlags } from "./session.ts";
import { versionLine } from "./versionLine.ts";

/** Exit code for a command line that cannot be read, as Docker's. */
const BAD_FLAGS = 125;
const DEPRECATED_H = "Flag shorthand -h has been deprecated, use --help";

const out = (text: string): void => void process.stdout.write(text);
const err = (text: string): void => void process.stderr.write(text);

/** `'varve pull' requires 1 argument`; undefined when the count is right. */
function countProblem(
  path: string,
  count: number,
  command: Command,
): { text: string; verb: "Run" | "See" } | undefined {
  const { min, max } = command.args;
  if (count >= min && (max === undefined || count <= max)) return undefined;
  const said = (number: number): string => `${number} argument${number === 1 ? "" : "s"}`;
  const name = `'${PROGRAM} ${path}'`;
  if (max === undefined) return { text: `${name} requires at least ${said(min)}`, verb: "See" };
  if (max === 0) return { text: `${name} accepts no arguments`, verb: "Run" };
  if (min === max) return { text: `${name} requires ${said(min)}`, verb: "Run" };
  if (min === 0) return { text: `${name} requires at most ${said(max)}`, verb: "Run" };
  return { text: `${name} requires at least ${min} and at most ${said(max)}`, verb: "Run" };
}

/** What `run` exits with when the container never ran: by text, as Docker's client decides it. */
function startFailureCode(text: string): number {
  if (/executable file not found|no such file or directory/.test(text)) return 127;
  return /permission denied|is a directory/.test(text) ? 126 : BAD_FLAGS;
}

function reportFailure(error: unknown, call: { path: string; command: Command; debug: boolean }): number {
  const { path, command, debug } = call;
  if (isCommandError(error)) {
    if (error.message !== "") err(`${error.message}\n`);
    return error.exitCode;
  }
  const known = findEngineError(error);
  const text = messageOf(error);
  if (command.ownErrors === true) err(`${PROGRAM}: ${text}\n\n${runHelpHint(path)}\n`);
  else err(`${text}\n`);
  if (known?.hint !== undefined) err(`${known.hint}\n`);
  if (debug && known === undefined && error instanceof Error) err(`${error.stack}\n`);
  return command.ownErrors === true ? startFailureCode(text) : 1;
}

async function invoke(path: string, command: Command, parsed: ParsedFlags, global: GlobalFlags): Promise<number> {
  const problem = countProblem(path, parsed.rest.length, command);
  if (problem !== undefined) {
    err(`${PROGRAM}: ${problem.text}\n\n${usageHint(path, command, problem.verb)}\n`);
    return 1;
  }
  await using session = openSession(global);
  try {
    const { values: flags, given, rest: args } = parsed;
    return (await command.run({ session, flags, given, args })) ?? 0;
  } catch (error) {
    return reportFailure(error, { path, command, debug: global.debug });
  }
}

async function runCommand(words: readonly string[], global: GlobalFlags): Promise<number> {
  const found = findCommand(words);
  if (found === undefined) return noSuchCommand(words);
  const { entry, path } = found;
  const command = await entry.load();
  const typed = entry.paths.find((alias) => words.slice(0, alias.split(" ").length).join(" ") === alias) ?? path;
  let parsed: ParsedFlags;
  try {
    const args = words.slice(typed.split(" ").length);
    parsed = parseFlags(args, command.flags, { interspersed: command.interspersed !== false });
  } catch (error) {
    err(`${messageOf(error)}\n\n${usageHint(path, command)}\n`);
    return BAD_FLAGS;
  }
  // To stdout, as Docker's client says it.
  for (const notice of parsed.notices) out(`${notice}\n`);
  if (parsed.help === false) return invoke(path, command, parsed, global);
  if (parsed.help === "-h") err(`${DEPRECATED_H}\n`);
  out(commandHelp(path, entry, command));
  return 0;
}

function noSuchCommand(words: readonly string[]): number {
  const group = findGroup(words);
  if (group === undefined) {
    err(`${PROGRAM}: unknown command: ${PROGRAM} ${words[0] ?? ""}\n\n${runHelpHint("")}\n`);
    return 1;
  }
  const { name } = group;
  const next = words[name.split(" ").length];
  if (next === undefined || next === "--help" || next === "-h") {
    if (next === "-h") err(`${DEPRECATED_H}\n`);
    // Help that was not asked for goes to stderr, as Docker's does.
    (next === undefined ? err : out)(groupHelp(name, group.short));
    return 0;
  }
  const usage = `Usage:  ${PROGRAM} ${name}${group.use === undefined ? "" : ` ${group.use}`}`;
  if (next.startsWith("-")) {
    const letter = next.startsWith("--")
      ? `unknown flag: ${next}`
      : `unknown shorthand flag: '${next.charAt(1)}' in ${next}`;
    err(`${letter}\n\n${usage}\n\n${runHelpHint(name)}\n`);
    return BAD_FLAGS;
  }
  err(`${PROGRAM}: unknown command: ${PROGRAM} ${name} ${next}\n\n${usage}\n\n${runHelpHint(name)}\n`);
  return 1;
}

async function help(words: readonly string[]): Promise<number> {
  const group = findGroup(words);
  if (words.length === 0) {
    out(programHelp());
    return 0;
  }
  if (findCommand(words) === undefined && group?.name !== words.join(" ")) {
    err(`unknown help topic: ${words.join(" ")}\n`);
    return 1;
  }
  return runCommand([...words, "--help"], { debug: false });
}

/** Runs a command line (without the program's name) and answers the exit code. Never throws for a user's mistake. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let parsed: ParsedFlags;
  let global: GlobalFlags;
  try {
    parsed = parseFlags(argv, globalFlags(configDirectory(undefined)), { interspersed: false });
    global = toGlobalFlags(parsed);
  } catch (error) {
    if (isCommandError(error)) {
      err(`${error.message}\n`);
      return error.exitCode;
    }
    err(`${messageOf(error)}\n\nUsage:  ${PROGRAM} [OPTIONS] COMMAND [ARG...]\n\n${runHelpHint("")}\n`);
    return BAD_FLAGS;
  }
  const [first, ...others] = parsed.rest;
  if (parsed.values["version"] === true) {
    out(`${versionLine()}\n`);
    return 0;
  }
  if (parsed.help !== false || first === undefined) {
    if (parsed.help === "-h") err(`${DEPRECATED_H}\n`);
    (parsed.help === false ? err : out)(programHelp());
    return 0;
  }
  if (first === "__complete") {
    const { complete } = await import("./complete.ts");
    out(await complete(others));
    return 0;
  }
  return first === "help" ? help(others) : runCommand(parsed.rest, global);
}
