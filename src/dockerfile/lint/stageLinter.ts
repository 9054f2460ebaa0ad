import { goQuote } from "#gotext";
import type { LineRange } from "../ast.ts";
import { cleanPath } from "../goPath.ts";
import type { IgnoreMatcher } from "../ignoreMatcher.ts";
import type { Instruction, KeyValue } from "../instruction.ts";
import { suggest } from "../suggest.ts";
import type { Linter } from "./linter.ts";

const SECRET = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const NO_SECRET = /(?:_|^)(?:public|file|version)(?:_|$)/i;
/** Arguments that never reach a step. */
const NO_VARIABLES: ReadonlySet<string> = new Set(["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"]);

/** What is known at an instruction's place. */
export interface LintPlace {
  /** The instruction's expansion found no value for these, a name a word. */
  readonly undefinedNames: readonly string[];
  /** Names of ARG so far, those without a value too. */
  readonly declared: readonly string[];
  /** Names that have a value. */
  readonly known: readonly string[];
  /** The image has a SHELL. */
  readonly shell: boolean;
  /** COPY and ADD: sources that are paths of the build context; empty where they are another stage's. */
  readonly contextSources: readonly string[];
  /** Undefined without an ignore file. */
  readonly ignored: IgnoreMatcher | undefined;
}

type Once = "cmd" | "entrypoint" | "healthcheck";

/** Rules of the instructions of one stage, in their order, as they are done. */
export class StageLinter {
  readonly #linter: Linter;
  readonly #used = new Map<Once, LineRange>();
  #workdirSet: boolean;

  /** `base`: the linter of the stage that this one is based on. */
  constructor(linter: Linter, base?: StageLinter) {
    this.#linter = linter;
    this.#workdirSet = base !== undefined && base.#workdirSet;
  }

  /** `instruction` is expanded. */
  lint(instruction: Instruction, place: LintPlace): void {
    const linter = this.#linter.withComments(instruction.comments);
    if (instruction.kind === "arg") this.#secrets("ARG", instruction.args, instruction.location, linter);
    this.#undefined(instruction, place, linter);
    this.#command(instruction, place, linter);
    if (instruction.kind === "env") lintPairs(instruction, instruction.variables, linter);
    if (instruction.kind === "label") lintPairs(instruction, instruction.labels, linter);
    if (instruction.kind === "env") this.#secrets("ENV", instruction.variables, instruction.location, linter);
    if (instruction.kind === "workdir") this.#workdir(instruction.path, instruction.location, linter);
    if (instruction.kind !== "add" && instruction.kind !== "copy") return;
    for (const source of place.contextSources) ignoredSource(source, instruction, place.ignored, linter);
  }

  #command(instruction: Instruction, place: LintPlace, linter: Linter): void {
    if (instruction.kind === "healthcheck") this.#once(instruction, instruction.kind, linter);
    if (instruction.kind !== "cmd" && instruction.kind !== "entrypoint") return;
    this.#once(instruction, instruction.kind, linter);
    if (instruction.command.shellForm && !place.shell) jsonRecommended(instruction, linter);
  }

  #undefined({ location }: Instruction, place: LintPlace, linter: Linter): void {
    for (const name of place.undefinedNames) {
      if (place.declared.includes(name) || NO_VARIABLES.has(name)) continue;
      const meant = suggest(name, place.known);
      const suggestion = meant === undefined ? "" : ` (did you mean $${meant}?)`;
      linter.report("UndefinedVar", location, `Usage of undefined variable '$${name}'${suggestion}`);
    }
  }

  #secrets(what: "ARG" | "ENV", pairs: readonly { readonly key: string }[], location: LineRange, linter: Linter): void {
    for (const { key } of pairs) {
      if (!SECRET.test(key) || NO_SECRET.test(key)) continue;
      const detail = `Do not use ARG or ENV instructions for sensitive data (${what} ${goQuote(key)})`;
      linter.report("SecretsUsedInArgOrEnv", location, detail);
    }
  }

  /** Reported where the instruction stands that counts for nothing. */
  #once({ keyword, location }: Instruction, kind: Once, linter: Linter): void {
    const earlier = this.#used.get(kind);
    this.#used.set(kind, location);
    if (earlier === undefined) return;
    const detail = `Multiple ${keyword} instructions should not be used in the same stage because only the last one will be used`;
    linter.report("MultipleInstructionsDisallowed", earlier, detail);
  }

  #workdir(path: string, location: LineRange, linter: Linter): void {
    if (!this.#workdirSet && !path.startsWith("/")) {
      const detail = `Relative workdir ${goQuote(path)} can have unexpected results if the base image changes`;
      linter.report("WorkdirRelativePath", location, detail);
    }
    this.#workdirSet = true;
  }
}

function jsonRecommended({ keyword, location }: Instruction, linter: Linter): void {
  const detail = `JSON arguments recommended for ${keyword} to prevent unintended behavior related to OS signals`;
  linter.report("JSONArgsRecommended", location, detail);
}

function lintPairs({ keyword, location }: Instruction, pairs: readonly KeyValue[], linter: Linter): void {
  const detail = `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`;
  for (const { legacy } of pairs) if (legacy) linter.report("LegacyKeyValueFormat", location, detail);
}

function ignoredSource(
  source: string,
  { kind, location }: Instruction,
  ignored: IgnoreMatcher | undefined,
  linter: Linter,
): void {
  // With exceptions nobody can tell: a file may be let through below a directory that is not.
  if (ignored === undefined || ignored.hasExceptions) return;
  const path = cleanPath(source);
  if ((path === "." || path === "/") && !ignored.ignoresAll) return;
  let found = false;
  try {
    found = ignored.ignores(path);
  } catch {
    // A wrong pattern is told when the context is read.
  }
  if (!found) return;
  const verb = kind === "add" ? "Add" : "Copy";
  const detail = `Attempting to ${verb} file "${path}" that is excluded by .dockerignore`;
  linter.report("CopyIgnoredFile", location, detail.replace(`"${path}"`, goQuote(path)));
}
