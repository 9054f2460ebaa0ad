import { EngineError, ErrorCode } from "#errors";

import type { LineRange } from "../ast.ts";
import { DirectiveParser } from "../directives.ts";
import { type CheckOptions, parseCheckOptions } from "./checkOptions.ts";
import { type LintRuleName, lintRule, lintRuleUrl } from "./lintRules.ts";

/** A rule that a place of a Dockerfile breaks. */
export interface LintWarning {
  readonly rule: LintRuleName;
  readonly description: string;
  /** Empty where the rule has no page. */
  readonly url: string;
  /** What is wrong here: `Stage name 'A' should be lowercase`. */
  readonly detail: string;
  readonly location: LineRange;
}

/** Reports what rules find, as far as the check options ask for it. */
export interface Linter {
  report(rule: LintRuleName, location: LineRange, detail: string): void;
  /** The same linter with the options of `# check=` among the comments above an instruction. */
  withComments(comments: readonly string[]): Linter;
  /** With `error=true`: what a build that was warned fails with. */
  violation(): EngineError | undefined;
}

type Rules = "all" | readonly string[];

function merged(rules: Rules, more: Rules): Rules {
  return rules === "all" || more === "all" ? "all" : [...rules, ...more];
}

function names(rules: Rules, rule: string): boolean {
  return rules === "all" || rules.includes(rule);
}

class OptionsLinter implements Linter {
  readonly #options: CheckOptions;
  readonly #warn: (warning: LintWarning) => void;
  readonly #called: Set<LintRuleName>;

  constructor(options: CheckOptions, warn: (warning: LintWarning) => void, called: Set<LintRuleName>) {
    this.#options = options;
    this.#warn = warn;
    this.#called = called;
  }

  report(rule: LintRuleName, location: LineRange, detail: string): void {
    const { description, experimental = false } = lintRule(rule);
    if (experimental ? !names(this.#options.experimental, rule) : names(this.#options.skip, rule)) return;
    this.#called.add(rule);
    this.#warn({ rule, description, url: lintRuleUrl(rule), detail, location });
  }

  withComments(comments: readonly string[]): Linter {
    for (const comment of comments) {
      const directive = new DirectiveParser("").parseLine(comment);
      if (directive?.name !== "check") continue;
      try {
        const own = parseCheckOptions(directive.value.split(" ", 1)[0] ?? "");
        const options = {
          skip: merged(this.#options.skip, own.skip),
          experimental: merged(this.#options.experimental, own.experimental),
          error: this.#options.error,
        };
        return new OptionsLinter(options, this.#warn, this.#called);
      } catch {
        // A comment that is no check directive after all.
        return this;
      }
    }
    return this;
  }

  violation(): EngineError | undefined {
    if (!this.#options.error || this.#called.size === 0) return undefined;
    const message = `lint violation found for rules: ${[...this.#called].join(", ")}`;
    return new EngineError("invalid_argument", ErrorCode.INVALID_DOCKERFILE, message);
  }
}

/** A linter that calls `warn` for each place that breaks a rule, in the order in which BuildKit meets them. */
export function createLinter(options: CheckOptions, warn: (warning: LintWarning) => void): Linter {
  return new OptionsLinter(options, warn, new Set());
}

/** A warning as a build shows it: `StageNameCasing: Stage name 'A' should be lowercase (line 1)`. */
export function shortLintText(warning: LintWarning): string {
  return `${warning.rule}: ${warning.detail} (line ${warning.location.start})`;
}
