import type { HealthConfig } from "#oci";
import { readCommand } from "./changeLines.ts";
import { invalidChange } from "./imageErrors.ts";

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const PART = /^(\d+\.?\d*|\.\d+)([a-zµμ]*)/;
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
  const value = parseDuration(text);
  if (value !== 0 && value < MIN_NANOSECONDS) {
    throw invalidChange(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  }
  return value;
}

/** Go's `time.ParseDuration`. */
function parseDuration(text: string): number {
  const quoted = JSON.stringify(text);
  const [, sign, digits = ""] = /^([-+]?)([^]*)$/.exec(text) ?? [];
  if (digits === "0") return 0;
  let total = 0;
  let rest = digits;
  do {
    const [whole, number = "", unit = ""] = PART.exec(rest) ?? [];
    if (whole === undefined) throw invalidChange(`time: invalid duration ${quoted}`);
    if (unit === "") throw invalidChange(`time: missing unit in duration ${quoted}`);
    const factor = UNITS[unit];
    if (factor === undefined) throw invalidChange(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    total += Number(number) * factor;
    rest = rest.slice(whole.length);
  } while (rest !== "");
  return Math.round(sign === "-" ? -total : total);
}

function readRetries(text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  if (!/^[-+]?\d+$/.test(text))
    throw invalidChange(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const retries = Number(text);
  if (retries < 0) throw invalidChange(`--retries cannot be negative (${retries})`);
  return retries;
}
