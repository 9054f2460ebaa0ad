import type { Expansion } from "../expandWord.ts";
import type { Stage } from "../instruction.ts";
import { suggest, withSuggestion } from "../suggest.ts";
import type { Linter } from "./linter.ts";

/** What FROM's words became. */
export interface FromExpansions {
  readonly base: Expansion;
  /** Undefined for a FROM without `--platform`. */
  readonly platform: Expansion | undefined;
  /** What the platform's words mean; undefined where they mean none. */
  readonly parsedPlatform: { readonly os: string; readonly architecture: string } | undefined;
  /** Names of all arguments before the first FROM, predefined ones too. */
  readonly known: readonly string[];
  /** Value of the predefined TARGETPLATFORM. */
  readonly targetPlatform: string;
}

function lintUndeclared(stage: Stage, expansion: Expansion, known: readonly string[], linter: Linter): void {
  for (const name of expansion.unmatched) {
    if (known.includes(name)) continue;
    const detail = withSuggestion(`FROM argument '${name}' is not declared`, suggest(name, known));
    linter.report("UndefinedArgInFrom", stage.location, detail);
  }
}

function lintPlatform(stage: Stage, platform: Expansion, from: FromExpansions, linter: Linter): void {
  const { matched, unmatched, result } = platform;
  if (matched.size === 1 && unmatched.size === 0 && matched.has("TARGETPLATFORM") && result === from.targetPlatform) {
    const detail = `Setting platform to predefined ${stage.platform ?? ""} in FROM is redundant as this is the default behavior`;
    linter.report("RedundantTargetPlatform", stage.location, detail);
  }
  if (matched.size > 0 || unmatched.size > 0 || from.parsedPlatform === undefined) return;
  const { os, architecture } = from.parsedPlatform;
  const name = stage.name ?? "";
  // A stage whose name tells its platform is meant for it.
  if (name.includes(os) || name.includes(architecture)) return;
  const detail = `FROM --platform flag should not use constant value "${result}"`;
  linter.report("FromPlatformFlagConstDisallowed", stage.location, detail);
}

/** Rules of FROM's variables and platform. */
export function lintFrom(stage: Stage, from: FromExpansions, linter: Linter): void {
  const own = linter.withComments(stage.comments);
  lintUndeclared(stage, from.base, from.known, own);
  if (from.platform === undefined) return;
  lintUndeclared(stage, from.platform, from.known, own);
  lintPlatform(stage, from.platform, from, own);
}

/** For a base that is no image reference while arguments have their defaults. */
export function lintDefaultBase(stage: Stage, linter: Linter): void {
  const detail = `Default value for ARG ${stage.baseName} results in empty or invalid base image name`;
  linter.report("InvalidDefaultArgInFrom", stage.location, detail);
}

/** For a base whose image was made for another platform; platforms as `linux/arm64`. */
export function lintBasePlatform(
  stage: Stage,
  image: { readonly name: string; readonly expected: string; readonly actual: string },
  linter: Linter,
): void {
  const detail = `Base image ${image.name} was pulled with platform "${image.actual}", expected "${image.expected}" for current build`;
  linter.report("InvalidBaseImagePlatform", stage.location, detail);
}
