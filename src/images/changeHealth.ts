import type { HealthConfig } from "#oci";
import { parseGoDuration } from "#gotext";
import { readCommand } from "./changeLines.ts";
import { invalidChange } from "./imageErrors.ts";

const MIN_NANOSECONDS = 1e6;
const DURATIONS = ["interval", "timeout", "start-period", "start-interval"] as const;
const FLAGS: readonly string[] = [...DURATIONS, "retries"];

/** `HEALTHCHECK [--interval=… …] CMD …` or `HEALTHCHECK NONE`. @throws {invalid_argument} in BuildKit's words */
export function readHealthcheck(text: string): HealthConfig {
  const { flags, rest } = readFlags(text);
  const [, kind = "", command = ""] = /^(\S*)\s*([^]*)$/.exec(rest) ?? [];
  if (kind === "") throw invalidChange("HEALTHCHECK requires at least one argument");
  if (kind.toUpperCase() === "NONE") {
    if (command !== "") throw invalidChange("HEALTHCHECK NONE takes no arguments");
    return { Test: ["NONE"] };
  }
  if (kind.toUpperCase() !== "CMD") {
    throw invalidChange(`Unknown type ${JSON.stringify(kind.toUpperCase())} in HEALTHCHECK (try CMD)`);
  }
  const { isJson, words } = readCommand(command);
  if (words.length === 0) throw invalidChange("Missing command after HEALTHCHECK CMD");
  const [interval, timeout, startPeriod, startInterval] = DURATIONS.map((name) => nanoseconds(name, flags.get(name)));
  const retries = readRetries(flags.get("retries"));
  return {
    Test: [isJson ? "CMD" : "CMD-SHELL", ...words],
    ...(interval ? { Interval: interval } : {}),
    ...(timeout ? { Timeout: timeout } : {}),
    ...(startPeriod ? { StartPeriod: startPeriod } : {}),
    ...(startInterval ? { StartInterval: startInterval } : {}),
    ...(retries ? { Retries: retries } : {}),
  };
}

function readFlags(text: string): { readonly flags: ReadonlyMap<string, string>; readonly rest: string } {
  const flags = new Map<string, string>();
  let rest = text;
  for (let found = /^--(\S*)\s*/.exec(rest); found !== null; found = /^--(\S*)\s*/.exec(rest)) {
    const [whole, flag = ""] = found;
    rest = rest.slice(whole.length);
    if (flag === "") break;
    const [name = "", ...value] = flag.split("=");
    if (!FLAGS.includes(name)) throw invalidChange(`unknown flag: ${name}`);
    if (flags.has(name)) throw invalidChange(`duplicate flag specified: ${name}`);
    if (value.length === 0) throw invalidChange(`missing a value on flag: ${name}`);
    flags.set(name, value.join("="));
  }
  return { flags, rest };
}

function nanoseconds(name: string, text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  const value = parseGoDuration(text);
  if (typeof value === "string") throw invalidChange(value);
  if (value !== 0 && value < MIN_NANOSECONDS) {
    throw invalidChange(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  }
  return value;
}

function readRetries(text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  if (!/^[-+]?\d+$/.test(text))
    throw invalidChange(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const retries = Number(text);
  if (retries < 0) throw invalidChange(`--retries cannot be negative (${retries})`);
  return retries;
}
