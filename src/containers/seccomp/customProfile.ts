import { isAtLeast, parseKernelRelease } from "#host";
import { EngineError, ErrorCode, messageOf } from "#errors";
import type { OciSeccomp } from "../spec/ociSpec.ts";
import type { SeccompTarget } from "./resolveProfile.ts";

type Json = Readonly<Record<string, unknown>>;

/** What a machine is called in `archMap` and in `includes`. */
const NATIVE: Readonly<Record<string, readonly [library: string, go: string]>> = {
  x64: ["SCMP_ARCH_X86_64", "amd64"],
  arm64: ["SCMP_ARCH_AARCH64", "arm64"],
};

/** Passed on as they are when given. */
const CARRIED = ["defaultErrnoRet", "flags", "listenerPath", "listenerMetadata"] as const;
const CARRIED_BY_RULE = ["errnoRet", "args"] as const;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(value: unknown): readonly string[] {
  return list(value).filter((item) => typeof item === "string");
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

const refuse = (message: string): EngineError => new EngineError("internal", ErrorCode.BAD_REQUEST, message);

function given(from: Json, names: readonly string[]): Json {
  return Object.fromEntries(
    names.filter((name) => from[name] !== undefined && from[name] !== null).map((name) => [name, from[name]]),
  );
}

/** `4.8` → whether this kernel is that new. */
function hasKernel(minimum: unknown, target: SeccompTarget): boolean {
  return isAtLeast(target.kernel, parseKernelRelease(text(minimum)));
}

function isExcluded(rule: unknown, target: SeccompTarget, architecture: string): boolean {
  if (!isObject(rule)) return false;
  return (
    texts(rule["arches"]).includes(architecture) ||
    texts(rule["caps"]).some((name) => target.capabilities.includes(name)) ||
    (text(rule["minKernel"]) !== "" && hasKernel(rule["minKernel"], target))
  );
}

function isIncluded(rule: unknown, target: SeccompTarget, architecture: string): boolean {
  if (!isObject(rule)) return true;
  const arches = texts(rule["arches"]);
  return (
    (arches.length === 0 || arches.includes(architecture)) &&
    texts(rule["caps"]).every((name) => target.capabilities.includes(name)) &&
    (text(rule["minKernel"]) === "" || hasKernel(rule["minKernel"], target))
  );
}

function namesOf(call: Json): readonly string[] {
  const [name, names] = [text(call["name"]), texts(call["names"])];
  if (name !== "" && names.length > 0) {
    throw refuse("both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'");
  }
  return name === "" ? names : [name];
}

function architecturesOf(profile: Json, native: string): readonly string[] {
  const own = texts(profile["architectures"]);
  const map = list(profile["archMap"]).filter(isObject);
  if (own.length > 0 && map.length > 0) {
    throw refuse(
      "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'",
    );
  }
  const entry = map.find(({ architecture }) => architecture === native);
  return entry === undefined ? own : [native, ...texts(entry["subArchitectures"])];
}

function parseJson(profile: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(profile);
  } catch (error) {
    const cut = /end of JSON input|property name|Unterminated/.test(messageOf(error));
    throw refuse(`decoding seccomp profile failed: ${cut ? "unexpected end of JSON input" : messageOf(error)}`);
  }
  if (!isObject(value)) throw refuse("decoding seccomp profile failed: json: cannot unmarshal into seccomp.Seccomp");
  return value;
}

/**
 * A user's profile (Docker's JSON: `archMap`, `includes`, `excludes`, `name` or `names`) for one container; undefined when it
 * asks for nothing. @throws {internal} in Docker's words
 */
export function resolveCustomProfile(profileText: string, target: SeccompTarget): OciSeccomp | undefined {
  const profile = parseJson(profileText);
  const calls = list(profile["syscalls"]).filter(isObject);
  const defaultAction = text(profile["defaultAction"]);
  if (defaultAction === "" && calls.length === 0) return undefined;
  const [library, go] = NATIVE[target.architecture] ?? ["", target.architecture];
  const architectures = architecturesOf(profile, library);
  return {
    defaultAction,
    ...given(profile, CARRIED),
    ...(architectures.length === 0 ? {} : { architectures }),
    syscalls: calls
      .map((call) => ({ call, names: namesOf(call) }))
      .filter(({ call }) => !isExcluded(call["excludes"], target, go) && isIncluded(call["includes"], target, go))
      .map(({ call, names }) => ({ names, action: text(call["action"]), ...given(call, CARRIED_BY_RULE) })),
  };
}
