import { readFileSync } from "node:fs";
import { goQuote } from "#gotext";
import { fileProblem } from "./fileProblem.ts";

/** What `--security-opt` means for the request. */
export interface SecurityOptions {
  readonly options: readonly string[] | null;
  /** Empty lists when `systempaths=unconfined` stood there; else the daemon's own hold. */
  readonly maskedPaths: readonly string[] | null;
  readonly readonlyPaths: readonly string[] | null;
}

const FREE_OF_VALUE = "no-new-privileges";
const BUILT_IN_PROFILES = ["unconfined", "builtin"];

function split(option: string): readonly [key: string, value: string] {
  const equals = option.indexOf("=");
  if (equals >= 0) return [option.slice(0, equals), option.slice(equals + 1)];
  const colon = option === FREE_OF_VALUE ? -1 : option.indexOf(":");
  return colon < 0 ? [option, ""] : [option.slice(0, colon), option.slice(colon + 1)];
}

/** Whitespace between tokens goes; all else stays as it was written. */
function compact(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (token) => (token.startsWith('"') ? token : ""));
}

function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const first = text.trimStart().charAt(0);
    if (first === "") return "unexpected end of JSON input";
    if (!/[[{"\d\-tfn]/.test(first)) return `invalid character '${first}' looking for beginning of value`;
    return error instanceof Error ? error.message : String(error);
  }
}

/** A profile is read here: the daemon may be on another machine. */
function readProfile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new Error(`opening seccomp profile (${path}) failed: ${fileProblem(cause, "open", path)}`, { cause });
  }
  const problem = jsonProblem(text);
  if (problem !== undefined) throw new Error(`compacting json for seccomp profile (${path}) failed: ${problem}`);
  return compact(text);
}

function resolveOption(option: string): string {
  const [key, value] = split(option);
  if (value === "" && key !== FREE_OF_VALUE) throw new Error(`Invalid --security-opt: ${goQuote(option)}`);
  return key === "seccomp" && !BUILT_IN_PROFILES.includes(value) ? `seccomp=${readProfile(value)}` : option;
}

/** @throws {Error} in Docker's words. */
export function parseSecurityOptions(list: readonly string[]): SecurityOptions {
  const resolved = list.map(resolveOption);
  const kept = resolved.filter((option) => option !== "systempaths=unconfined");
  const isUnconfined = kept.length < resolved.length;
  return {
    options: list.length === 0 ? null : kept,
    maskedPaths: isUnconfined ? [] : null,
    readonlyPaths: isUnconfined ? [] : null,
  };
}
