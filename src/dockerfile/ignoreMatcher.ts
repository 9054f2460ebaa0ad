import { EngineError, ErrorCode } from "#errors";

import { invalidDockerfile } from "./dockerfileError.ts";
import { cleanPath } from "./goPath.ts";
import { trimSpace } from "./goSpace.ts";
import { type IgnorePatternForm, ignorePatternForm, isPatternValid } from "./ignorePatternText.ts";
import { LinearMatcher, type MatchBudget } from "./linearMatcher.ts";
import { compileLinear } from "./linearProgram.ts";

/** Steps of one matcher, over all paths; ordinary patterns spend some hundred in their life. */
const BUDGET = 1_000_000_000;
/** States kept, over all patterns. */
const MAX_STATES = 50_000;
const MIN_STATES = 64;

/** What a directory of a walk gives its entries. Opaque. */
export interface IgnoreVisit {
  readonly ignored: boolean;
  /** By pattern: whether it matched this path or one above. */
  readonly matched: readonly boolean[];
}

/** Tells which paths of a context are left out. Paths are clean, relative and `/` separated. */
export interface IgnoreMatcher {
  /** No pattern: nothing is ignored. */
  readonly empty: boolean;
  /** Some pattern is an exception. */
  readonly hasExceptions: boolean;
  /** Some pattern names all there is: `*`, `**`. */
  readonly ignoresAll: boolean;
  /** Whether a path alone is ignored; what lies below an ignored directory is, unless a `!` pattern says otherwise. */
  ignores(path: string): boolean;
  /** As a walk asks: `parent` is what the visit of its directory gave; undefined at the top. */
  visit(path: string, parent?: IgnoreVisit): IgnoreVisit;
  /** False where nothing below this ignored directory can be kept: it need not be read. */
  mayKeepBelow(path: string, visit: IgnoreVisit): boolean;
}

class Budget implements MatchBudget {
  #left = BUDGET;

  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) {
      throw new EngineError(
        "resource_exhausted",
        ErrorCode.INVALID_DOCKERFILE,
        "ignore patterns take too long to match",
      );
    }
  }
}

function badPattern(): EngineError {
  return invalidDockerfile("syntax error in pattern");
}

class IgnorePattern {
  readonly exception: boolean;
  readonly #text: string;
  readonly #budget: MatchBudget;
  readonly #maxStates: number;
  #form: IgnorePatternForm | undefined;
  #matcher: LinearMatcher | undefined;

  constructor(pattern: string, budget: MatchBudget, maxStates: number) {
    this.exception = pattern.startsWith("!");
    this.#text = this.exception ? pattern.slice(1) : pattern;
    this.#budget = budget;
    this.#maxStates = maxStates;
    if (pattern === "!") throw invalidDockerfile('illegal exclusion pattern: "!"');
    if (!isPatternValid(this.#text)) throw badPattern();
  }

  get all(): boolean {
    return !this.exception && ["*", "**", "**/*"].includes(this.#text);
  }

  /** Made at the first match: one that never comes to it may be wrong. */
  get #compiled(): IgnorePatternForm {
    this.#form ??= ignorePatternForm(this.#text);
    return this.#form;
  }

  #linear(expression: string): LinearMatcher {
    if (this.#matcher === undefined) {
      const program = compileLinear(expression);
      if (program === undefined) throw badPattern();
      this.#matcher = new LinearMatcher(program, this.#budget, this.#maxStates);
    }
    return this.#matcher;
  }

  match(path: string): boolean {
    const form = this.#compiled;
    switch (form.kind) {
      case "exact":
        return path === form.text;
      case "prefix":
        return path.startsWith(form.text);
      case "suffix":
        return path.endsWith(form.text) || (form.text.startsWith("/") && path === form.text.slice(1));
      case "expression":
        return this.#linear(form.text).test(path);
    }
  }

  matchAny(paths: readonly string[]): boolean {
    return paths.some((path) => this.match(path));
  }

  /** False only where it matches nothing below a directory. */
  mayMatchBelow(directory: string): boolean {
    const start = `${directory}/`;
    const form = this.#compiled;
    switch (form.kind) {
      case "exact":
        return form.text.startsWith(start);
      case "prefix":
        return form.text.startsWith(start) || start.startsWith(form.text);
      case "suffix":
        return true;
      case "expression":
        return this.#linear(form.text).mayContinue(start);
    }
  }
}

function parentsOf(path: string): readonly string[] {
  const parents: string[] = [];
  const directory = cleanPath(path.slice(0, Math.max(path.lastIndexOf("/"), 0)));
  if (directory === ".") return parents;
  for (let at = directory.indexOf("/"); at >= 0; at = directory.indexOf("/", at + 1)) {
    parents.push(directory.slice(0, at));
  }
  return [...parents, directory];
}

class PatternListMatcher implements IgnoreMatcher {
  readonly #patterns: readonly IgnorePattern[];
  readonly #budget = new Budget();

  constructor(patterns: readonly string[]) {
    const cleaned = patterns.map(trimSpace).filter((pattern) => pattern !== "");
    const maxStates = Math.max(MIN_STATES, Math.floor(MAX_STATES / Math.max(cleaned.length, 1)));
    this.#patterns = cleaned.map((pattern) => new IgnorePattern(cleanPath(pattern), this.#budget, maxStates));
  }

  get empty(): boolean {
    return this.#patterns.length === 0;
  }

  get hasExceptions(): boolean {
    return this.#patterns.some((pattern) => pattern.exception);
  }

  get ignoresAll(): boolean {
    return this.#patterns.some((pattern) => pattern.all);
  }

  ignores(path: string): boolean {
    return this.visit(path).ignored;
  }

  visit(path: string, parent?: IgnoreVisit): IgnoreVisit {
    this.#budget.spend(this.#patterns.length);
    const above = parent === undefined ? parentsOf(path) : [];
    let ignored = false;
    const matched = this.#patterns.map((pattern, index) => {
      let match = parent?.matched[index] ?? false;
      if (!match) {
        // A pattern that would change nothing is not tried, here and in what a directory gives its entries.
        if (pattern.exception !== ignored) return false;
        match = pattern.match(path) || pattern.matchAny(above);
      }
      if (match) ignored = !pattern.exception;
      return match;
    });
    return { ignored, matched };
  }

  mayKeepBelow(path: string, visit: IgnoreVisit): boolean {
    if (!visit.ignored) return true;
    // The last match decides for all below; only an exception behind it may still let something through.
    const decisive = visit.matched.lastIndexOf(true);
    return this.#patterns.some(
      (pattern, index) => index > decisive && pattern.exception && pattern.mayMatchBelow(path),
    );
  }
}

/**
 * A matcher for the patterns that `readIgnoreFile` gives (or a client sends), with the semantics of moby/patternmatcher:
 * `*`, `?`, `[a-z]` within a name, `**` over any number of directories, `\` before what is to be taken as it is, `!` for
 * an exception; the last pattern that matches a path or a directory above it decides. What matching costs is linear in
 * the path, and bounded over all paths.
 * @throws {invalid_argument} `syntax error in pattern`, `illegal exclusion pattern: "!"`; the first also while matching.
 */
export function createIgnoreMatcher(patterns: readonly string[]): IgnoreMatcher {
  return new PatternListMatcher(patterns);
}
