import { lstatSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { EngineError, ErrorCode, messageOf } from "#errors";

type Json = Readonly<Record<string, unknown>>;

/** One entry of `auths`: `auth` is base64 of `user:password`. */
export interface StoredAuth {
  readonly auth?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

/** `config.json` of Docker's client. Keys that varve does not know are kept when it is written. */
export interface ConfigFile {
  /** Absolute; need not exist. */
  readonly path: string;
  readonly auths: Readonly<Record<string, StoredAuth>>;
  readonly credsStore?: string;
  readonly credHelpers: Readonly<Record<string, string>>;
  readonly currentContext?: string;
  readonly httpHeaders: Readonly<Record<string, string>>;
  readonly detachKeys?: string;
  /** `psFormat`, `imagesFormat` and so on: the default `--format` of a command. */
  readonly formats: Readonly<Record<string, string>>;
  /** The whole document as it was read. */
  readonly raw: Json;
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function stringMap(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
  );
}

function parseAuths(value: unknown): Readonly<Record<string, StoredAuth>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([server, entry]) => [server, stringMap(entry)]));
}

/** The folder of config.json and contexts: `--config`, `DOCKER_CONFIG`, else `~/.docker`. */
export function configDirectory(
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const fromEnv = env["DOCKER_CONFIG"];
  return named ?? (fromEnv === undefined || fromEnv === "" ? join(homedir(), ".docker") : fromEnv);
}

function readDocument(path: string): Json {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // Absent or unreadable: the defaults hold, as with Docker's client.
    return {};
  }
  try {
    const value: unknown = text.trim() === "" ? {} : JSON.parse(text);
    if (isObject(value)) return value;
    throw new Error("not a JSON object");
  } catch (cause) {
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `${path}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Reads `config.json` in the folder; absent is empty.
 * @throws {invalid_argument} naming the file when it is not JSON.
 */
export function loadConfigFile(directory: string): ConfigFile {
  const path = join(directory, "config.json");
  const raw = readDocument(path);
  const text = (key: string): string | undefined => {
    const value = raw[key];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const credsStore = text("credsStore");
  const currentContext = text("currentContext");
  const detachKeys = text("detachKeys");
  return {
    path,
    auths: parseAuths(raw["auths"]),
    credHelpers: stringMap(raw["credHelpers"]),
    httpHeaders: stringMap(raw["HttpHeaders"]),
    formats: Object.fromEntries(Object.entries(stringMap(raw)).filter(([key]) => key.endsWith("Format"))),
    raw,
    ...(credsStore === undefined ? {} : { credsStore }),
    ...(currentContext === undefined ? {} : { currentContext }),
    ...(detachKeys === undefined ? {} : { detachKeys }),
  };
}

function linkTarget(path: string): string {
  try {
    return lstatSync(path).isSymbolicLink() ? realpathSync(path) : path;
  } catch {
    return path;
  }
}

/** Replaces `auths` and writes the file whole (0600, renamed into place; a symlink stays a symlink). */
export function saveAuths(config: ConfigFile, auths: Readonly<Record<string, StoredAuth>>): void {
  const target = linkTarget(config.path);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const temporary = `${target}${process.getBuiltinModule("node:crypto").randomBytes(6).toString("hex")}`;
  writeFileSync(temporary, JSON.stringify({ ...config.raw, auths }, undefined, "\t"), { mode: 0o600 });
  renameSync(temporary, target);
}
