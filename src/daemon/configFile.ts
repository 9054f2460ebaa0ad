import { readFile } from "node:fs/promises";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { SETTINGS } from "./options.ts";
import type { Given, Setting, SettingName, SettingValue } from "./options.ts";

export const DEFAULT_CONFIG_FILE = "/etc/varve/daemon.json";

function bad(message: string, cause?: unknown): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, message, { cause });
}

async function readText(path: string, required: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (!required && error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw bad(`unable to configure the daemon with file ${path}: ${messageOf(error)}`, error);
  }
}

function parseObject(path: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch (cause) {
    throw bad(`unable to configure the daemon with file ${path}: ${messageOf(cause)}`, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw bad(`unable to configure the daemon with file ${path}: not a JSON object`);
  return value as Readonly<Record<string, unknown>>;
}

const TYPE_OF_KIND = { text: "string", flag: "boolean", number: "number" } as const;

function isStringList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function checkValue(key: string, kind: Setting["kind"], value: unknown): SettingValue {
  const wrong = (): EngineError => bad(`invalid value for ${key} in the configuration file: expected ${kind}`);
  if (kind === "list") {
    if (isStringList(value)) return value;
    throw wrong();
  }
  if (kind === "map") {
    if (typeof value === "object" && value !== null && Object.values(value).every(isStringList))
      return value as SettingValue;
    throw wrong();
  }
  if (typeof value !== TYPE_OF_KIND[kind]) throw wrong();
  return value as SettingValue;
}

/**
 * A configuration file (Docker's daemon.json keys) → what it gives. The default file may be absent, a named one may not.
 * @throws {invalid_argument} in Docker's words for unknown directives, and for what is no JSON.
 */
export async function readConfigFile(named: string | undefined): Promise<Given> {
  const path = named ?? DEFAULT_CONFIG_FILE;
  const text = await readText(path, named !== undefined);
  if (text === undefined) return {};
  const value = parseObject(path, text);
  const names = new Map(
    Object.entries(SETTINGS).flatMap(([name, setting]) =>
      setting.key === undefined ? [] : [[setting.key, name as SettingName] as const],
    ),
  );
  const unknown = Object.keys(value).filter((key) => !names.has(key));
  if (unknown.length > 0)
    throw bad(
      `unable to configure the daemon with file ${path}: the following directives don't match any configuration option: ${unknown.join(", ")}`,
    );
  const given: Given = {};
  for (const [key, name] of names)
    if (value[key] !== undefined) given[name] = checkValue(key, SETTINGS[name].kind, value[key]);
  return given;
}

/** Text as it is, anything else as JSON: how Go prints these values. */
function show(value: SettingValue | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Flags beside file; lists add up. @throws {invalid_argument} when one setting is given in both, as Docker refuses it. */
export function mergeGiven(flags: Given, file: Given): Given {
  const both = (Object.keys(flags) as SettingName[]).filter(
    (name) => file[name] !== undefined && SETTINGS[name].kind !== "list",
  );
  const [first] = both;
  if (first !== undefined) {
    throw bad(
      `the following directives are specified both as a flag and in the configuration file: ${SETTINGS[first].flag ?? first}: (from flag: ${show(flags[first])}, from file: ${show(file[first])})`,
    );
  }
  const merged: Given = { ...file, ...flags };
  for (const name of Object.keys(merged) as SettingName[]) {
    const [a, b] = [file[name], flags[name]];
    if (Array.isArray(a) && Array.isArray(b)) merged[name] = [...a, ...b];
  }
  return merged;
}
