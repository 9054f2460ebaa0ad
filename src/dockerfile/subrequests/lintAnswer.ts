import { messageOf } from "#errors";

import { excerptOf, sourceOf } from "../dockerfileError.ts";
import type { LintWarning } from "../lint/linter.ts";
import { answerOf, type SubrequestAnswer, wireRanges, wireSource } from "./answer.ts";

function wireWarning({ rule, description, url, detail, location }: LintWarning): unknown {
  return {
    ruleName: rule,
    description,
    ...(url === "" ? {} : { url }),
    detail,
    location: { ranges: wireRanges(location) },
  };
}

function wireError(error: unknown): unknown {
  const source = sourceOf(error);
  return { message: messageOf(error), location: source === undefined ? {} : { ranges: wireRanges(source.location) } };
}

function shown({ rule, url, detail, location }: LintWarning, filename: string, text: string): string {
  const page = url === "" ? "" : ` - ${url}`;
  return `\nWARNING: ${rule}${page}\n${detail}\n${excerptOf({ filename, location }, text)}`;
}

/**
 * Answer to `frontend.lint`: what the checks found, in the order in which they found it, and the error with which the
 * plan of the build ended, if it did.
 */
export function lintAnswer(
  dockerfile: { readonly filename: string; readonly text: string },
  warnings: readonly LintWarning[],
  error?: unknown,
): SubrequestAnswer {
  const { filename, text } = dockerfile;
  const result = {
    warnings: warnings.length === 0 ? null : warnings.map(wireWarning),
    sources: [{ filename, data: wireSource(text), language: "Dockerfile" }],
    ...(error === undefined ? {} : { buildError: wireError(error) }),
  };
  const sorted = [...warnings].sort((left, right) => left.location.start - right.location.start);
  const status = warnings.length > 0 || error !== undefined ? "1" : "0";
  const printed = sorted.map((warning) => shown(warning, filename, text)).join("");
  return answerOf(result, printed, { "result.statuscode": status });
}
