import { readFile } from "node:fs/promises";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { readDockerdOptions } from "./dockerdOptions.ts";
import { SETTINGS } from "./options.ts";
import { ulimitTexts } from "./ulimits.ts";
import type { Given, Setting, SettingName, SettingValue } from "./options.ts";

const DEFAULT_CONFIG_FILE = "/etc/varve/daemon.json";

function bad(message: string, cause?: unknown): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, message, { cause });
}

async function readText(path: string, required: boolean): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).replace(/^\uFEFF/, "");
  } catch (error) {
    if (!required && error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw bad(messageOf(error), error);
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch (cause) {
    // Node quotes what it could not read, line ends and all.
    throw bad(messageOf(cause).replaceAll(/\s+/g, " "), cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad("not a JSON object");
  return value as Readonly<Record<string, unknown>>;
}

const TYPE_OF_KIND = { text: "string", flag: "boolean", number: "number" } as const;

function isStringList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((item) => typeof item === "string");
}

/** `{"base": "10.10.0.0/16", "size": 24}` */
function isPool(value: unknown): value is { readonly base: string; readonly size: number } {
  if (typeof value !== "object" || value === null) return false;
  return typeof Reflect.get(value, "base") === "string" && typeof Reflect.get(value, "size") === "number";
}

function checkValue(key: string, kind: Setting["kind"], value: unknown): SettingValue {
  const wrong = (): EngineError =>
    bad(`invalid value for ${key}: expected ${kind === "flag" ? "true or false" : kind}`);
  if (kind === "list") {
    if (isStringList(value)) return value;
    throw wrong();
  }
  if (kind === "map") {
    if (
      typeof value === "object" &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every(isStringList)
    )
      return value as SettingValue;
    throw wrong();
  }
  if (kind === "ulimits") {
    const texts = ulimitTexts(value);
    if (texts !== undefined) return texts;
    throw wrong();
  }
  if (kind === "pairs") {
    if (isTextMap(value)) return Object.entries(value).map(([name, text]) => `${name}=${text}`);
    throw wrong();
  }
  if (kind === "size") {
    if (typeof value === "string" || typeof value === "number") return String(value);
    throw wrong();
  }
  if (kind === "pools") {
    if (Array.isArray(value) && value.every(isPool)) return value.map(({ base, size }) => `base=${base},size=${size}`);
    throw wrong();
  }
  if (typeof value !== TYPE_OF_KIND[kind]) throw wrong();
  return value as SettingValue;
}

const NAMES_BY_KEY: ReadonlyMap<string, SettingName> = new Map(
  Object.entries(SETTINGS).flatMap(([name, { key }]) => (key === undefined ? [] : [[key, name as SettingName]])),
);

/** Docker's daemon.json keys → what they give. @throws {invalid_argument} in Docker's words for unknown directives */
function parseConfig(text: string): Given {
  const { proxies = {}, ...others } = parseObject(text);
  if (typeof proxies !== "object" || proxies === null || Array.isArray(proxies)) throw bad("invalid value for proxies");
  const value: Readonly<Record<string, unknown>> = { ...others, ...proxies };
  const dockerds = Object.fromEntries(Object.entries(value).filter(([key]) => !NAMES_BY_KEY.has(key)));
  const { unknown, wrong, notes } = readDockerdOptions(dockerds);
  if (unknown.length > 0)
    throw bad(`the following directives don't match any configuration option: ${unknown.join(", ")}`);
  if (wrong.length > 0) throw bad(`invalid value for ${wrong.join(", ")}`);
  const given: Given = notes.length === 0 ? {} : { notes };
  for (const [key, name] of NAMES_BY_KEY)
    if (value[key] !== undefined) given[name] = checkValue(key, SETTINGS[name].kind, value[key]);
  return given;
}

/** As Go prints these values: lists as `[a b]`. */
function show(value: SettingValue | undefined): string {
  if (Array.isArray(value)) return `[${value.join(" ")}]`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Nothing may be given in both, lists neither: which one holds would be a guess. Lists go by their key, as in Docker. */
function merge(flags: Given, file: Given): Given {
  const conflicts = Object.entries(SETTINGS).flatMap(([key, setting]) => {
    const name = key as SettingName;
    if (name === "notes" || flags[name] === undefined || file[name] === undefined) return [];
    const shown = setting.kind === "list" ? setting.key : setting.flag;
    return [`${shown}: (from flag: ${show(flags[name])}, from file: ${show(file[name])})`];
  });
  if (conflicts.length > 0) {
    throw bad(
      `the following directives are specified both as a flag and in the configuration file: ${conflicts.sort().join(", ")}`,
    );
  }
  const notes = [flags, file].flatMap((given) => (Array.isArray(given.notes) ? given.notes : []));
  return { ...file, ...flags, ...(notes.length === 0 ? {} : { notes }) };
}

/**
 * What flags and configuration file give together. The default file may be absent, a named one may not.
 * @throws {invalid_argument} INVALID_FLAG naming the file, in Docker's words.
 */
export async function withConfigFile(flags: Given, defaultFile: string = DEFAULT_CONFIG_FILE): Promise<Given> {
  const named = typeof flags.configFile === "string" ? flags.configFile : undefined;
  const path = named ?? defaultFile;
  try {
    const text = await readText(path, named !== undefined);
    return text === undefined ? flags : merge(flags, parseConfig(text));
  } catch (error) {
    throw bad(`unable to configure the daemon with file ${path}: ${messageOf(error)}`, error);
  }
}
