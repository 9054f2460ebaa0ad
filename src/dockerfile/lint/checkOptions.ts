import { wrapError } from "#errors";
import { goQuote, notABoolean, parseGoBoolean } from "#gotext";

import { detectDirective } from "../directives.ts";
import { invalidDockerfile } from "../dockerfileError.ts";
import { trimSpace } from "../goSpace.ts";

/** What `# check=` asks for. */
export interface CheckOptions {
  readonly skip: "all" | readonly string[];
  readonly experimental: "all" | readonly string[];
  /** Warnings make the build fail. */
  readonly error: boolean;
}

const NONE: CheckOptions = { skip: [], experimental: [], error: false };
const MAX_PARTS = 3;

function ruleNames(value: string): "all" | readonly string[] {
  const trimmed = trimSpace(value);
  return trimmed === "all" ? "all" : trimmed.split(",").map(trimSpace);
}

function booleanOf(value: string, part: string): boolean {
  const text = trimSpace(value);
  const parsed = parseGoBoolean(text);
  if (parsed !== undefined) return parsed;
  throw invalidDockerfile(`failed to parse check option ${goQuote(part)}: ${notABoolean(text)}`);
}

/** @throws {invalid_argument} for an unknown option: `skip=Rule,Rule;experimental=all;error=true` are known. */
export function parseCheckOptions(text: string): CheckOptions {
  const trimmed = trimSpace(text);
  if (trimmed === "") return NONE;
  const all = trimmed.split(";");
  const parts = [...all.slice(0, MAX_PARTS - 1), all.slice(MAX_PARTS - 1).join(";")].filter(
    (part, index) => index < all.length || part !== "",
  );
  let options = NONE;
  for (const part of parts) {
    const at = part.indexOf("=");
    if (at < 0) throw invalidDockerfile(`invalid check option ${goQuote(part)}`);
    const key = trimSpace(part.slice(0, at));
    const value = part.slice(at + 1);
    if (key === "skip") options = { ...options, skip: ruleNames(value) };
    else if (key === "experimental") options = { ...options, experimental: ruleNames(value) };
    else if (key === "error") options = { ...options, error: booleanOf(value, part) };
    else throw invalidDockerfile(`invalid check option ${goQuote(key)}`);
  }
  return options;
}

/**
 * The check options of a build: those of the build argument `BUILDKIT_DOCKERFILE_CHECK` where it is given, else those of
 * the file's `# check=`.
 * @throws {invalid_argument} `failed to parse check options: invalid check option "x"`
 */
export function checkOptionsOf(text: string, buildArgument?: string): CheckOptions {
  const what = buildArgument === undefined ? "check options" : "BUILDKIT_DOCKERFILE_CHECK";
  try {
    return parseCheckOptions(buildArgument ?? detectDirective(text, "check")?.value.split(" ", 1)[0] ?? "");
  } catch (error) {
    throw wrapError(error, `failed to parse ${what}`);
  }
}
