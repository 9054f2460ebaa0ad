import { parseArgs } from "node:util";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { goQuote, notABoolean, parseGoBoolean } from "#gotext";
import { dockerdFlags, readDockerdOptions } from "./dockerdOptions.ts";
import { SETTINGS } from "./options.ts";
import type { Given, Setting, SettingName, SettingValue } from "./options.ts";

/** Kinds that a flag may be given for again. */
const REPEATED: readonly Setting["kind"][] = ["list", "pools", "ulimits", "pairs"];

const HINT = "see 'varve daemon --help'";

function bad(message: string, cause?: unknown): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, message, { hint: HINT, cause });
}

type ParseOptions = Record<string, { type: "string" | "boolean"; short?: string; multiple?: boolean }>;

function entries(): readonly (readonly [SettingName, Setting])[] {
  return Object.entries(SETTINGS) as readonly (readonly [SettingName, Setting])[];
}

function parseOptions(): ParseOptions {
  const options: ParseOptions = {};
  for (const [, setting] of entries()) {
    if (setting.flag === undefined) continue;
    options[setting.flag] = {
      type: setting.kind === "flag" ? "boolean" : "string",
      multiple: REPEATED.includes(setting.kind),
      ...(setting.short === undefined ? {} : { short: setting.short }),
    };
  }
  for (const [flag, , { kind }] of dockerdFlags())
    options[flag] = { type: kind === "flag" ? "boolean" : "string", multiple: kind === "list" };
  return options;
}

function checkNumber(flag: string, text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw bad(
    `invalid argument ${JSON.stringify(text)} for "--${flag}" flag: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

/** `--debug=false`: Go's boolean flags take a value, Node's do not. */
function splitBooleans(argv: readonly string[]): {
  readonly rest: readonly string[];
  readonly values: ReadonlyMap<string, boolean>;
} {
  const isFlag = new Set([
    ...entries().flatMap(([, { kind, flag }]) => (kind === "flag" && flag !== undefined ? [flag] : [])),
    ...dockerdFlags().flatMap(([flag, , { kind }]) => (kind === "flag" ? [flag] : [])),
  ]);
  const values = new Map<string, boolean>();
  const rest = argv.filter((argument) => {
    const [, flag = "", text = ""] = /^--([a-z0-9-]+)=(.*)$/s.exec(argument) ?? [];
    if (!isFlag.has(flag)) return true;
    const value = parseGoBoolean(text);
    if (value === undefined) throw bad(`invalid argument ${goQuote(text)} for "--${flag}" flag: ${notABoolean(text)}`);
    values.set(flag, value);
    return false;
  });
  return { rest, values };
}

/** The words of pflag for what Node's parser refuses. */
function refusal(cause: unknown): EngineError {
  const message = messageOf(cause);
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const [, name = ""] = /'(?:-\w, )?(-[^' ]*)/.exec(message) ?? [];
  if (code === "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL") return bad('"varve daemon" accepts no arguments', cause);
  if (code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE") return bad(`flag needs an argument: ${name}`, cause);
  if (code !== "ERR_PARSE_ARGS_UNKNOWN_OPTION") return bad(message, cause);
  return bad(
    name.startsWith("--") ? `unknown flag: ${name}` : `unknown shorthand flag: '${name[1]}' in ${name}`,
    cause,
  );
}

/** Command line → what was given. @throws {invalid_argument} in Docker's words for an unknown flag, a missing value, an argument. */
export function parseFlags(argv: readonly string[]): Given {
  const { rest, values: booleans } = splitBooleans(argv);
  let values: Readonly<Record<string, unknown>>;
  try {
    values = parseArgs({ args: [...rest], options: parseOptions(), strict: true, allowPositionals: false }).values;
  } catch (cause) {
    throw refusal(cause);
  }
  const given: Given = {};
  for (const [name, { kind, flag }] of entries()) {
    const value = flag === undefined ? undefined : (booleans.get(flag) ?? values[flag]);
    if (flag === undefined || value === undefined) continue;
    given[name] = kind === "number" && typeof value === "string" ? checkNumber(flag, value) : (value as SettingValue);
  }
  const notes = notesOf((flag) => booleans.get(flag) ?? values[flag]);
  if (notes.length > 0) given.notes = notes;
  return given;
}

function notesOf(valueOf: (flag: string) => unknown): readonly string[] {
  const values = dockerdFlags().flatMap(([flag, key, { kind }]) => {
    const value = valueOf(flag);
    if (value === undefined) return [];
    return [[key, kind === "number" && typeof value === "string" ? checkNumber(flag, value) : value] as const];
  });
  return readDockerdOptions(Object.fromEntries(values)).notes;
}

/** The text of `varve daemon --help`. */
export function helpText(): string {
  const rows = entries()
    .filter(([, setting]) => setting.flag !== undefined)
    .map(([, { flag = "", short, kind, help }]) => {
      const type = kind === "flag" ? "" : REPEATED.includes(kind) ? " list" : kind === "number" ? " int" : " string";
      return `  ${short === undefined ? "    " : `-${short}, `}${`--${flag}${type}`.padEnd(32)} ${help}`;
    });
  return [
    "",
    "Usage:  varve daemon [OPTIONS]",
    "",
    "The engine that owns images and containers; the varve command starts it by itself when none runs.",
    "",
    "Options:",
    ...rows,
    "",
    "Examples:",
    "  varve daemon --debug",
    "  varve daemon -H unix:///run/varve/varve.sock -H tcp://127.0.0.1:2375 --data-root /srv/varve",
    "",
  ].join("\n");
}
