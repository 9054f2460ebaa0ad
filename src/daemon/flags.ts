import { parseArgs } from "node:util";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { SETTINGS } from "./options.ts";
import type { Given, Setting, SettingName, SettingValue } from "./options.ts";

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
      multiple: setting.kind === "list",
      ...(setting.short === undefined ? {} : { short: setting.short }),
    };
  }
  return options;
}

/** Command line → what was given. @throws {invalid_argument} for an unknown flag, a missing value, an argument. */
export function parseFlags(argv: readonly string[]): Given {
  const values = parse(argv);
  const given: Given = {};
  for (const [name, setting] of entries()) {
    const value = setting.flag === undefined ? undefined : values[setting.flag];
    if (value !== undefined) given[name] = setting.kind === "number" ? Number(value) : (value as SettingValue);
  }
  return given;
}

function parse(argv: readonly string[]): Readonly<Record<string, unknown>> {
  try {
    return parseArgs({ args: [...argv], options: parseOptions(), strict: true, allowPositionals: false }).values;
  } catch (cause) {
    const [line = ""] = messageOf(cause).split(/[.\n]/);
    throw new EngineError(
      "invalid_argument",
      ErrorCode.INVALID_FLAG,
      line.replace(/^Unexpected argument/, "unexpected argument"),
      {
        hint: "see 'varve daemon --help'",
        cause,
      },
    );
  }
}

/** The text of `varve daemon --help`. */
export function helpText(): string {
  const rows = entries()
    .filter(([, setting]) => setting.flag !== undefined)
    .map(([, { flag = "", short, kind, help }]) => {
      const type = kind === "flag" ? "" : kind === "list" ? " list" : kind === "number" ? " int" : " string";
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
