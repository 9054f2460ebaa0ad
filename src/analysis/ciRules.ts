import { EngineError, ErrorCode } from "#errors";
import { parseSize, SizeProblem, toFixedEven } from "./humanize.ts";
import type { ImageScores } from "./scores.ts";

/** The three thresholds as a person writes them: a number, a size, or "disabled" (also "off", "false", ""). */
export interface CiThresholds {
  /** 0…1. */
  readonly lowestEfficiency: string;
  /** `20MB` */
  readonly highestWastedBytes: string;
  /** 0…1. */
  readonly highestUserWastedPercent: string;
}

/** What holds when nobody says otherwise; dive's. */
export const DEFAULT_CI_THRESHOLDS: CiThresholds = {
  lowestEfficiency: "0.9",
  highestWastedBytes: "disabled",
  highestUserWastedPercent: "0.1",
};

export type CiRuleKey = keyof CiThresholds;

/** A threshold that was understood. */
export interface CiRule {
  readonly key: CiRuleKey;
  /** As it was written. */
  readonly configured: string;
  /** Undefined: the rule is off. */
  readonly threshold: number | undefined;
}

function isOff(value: string): boolean {
  return ["", "disabled", "off", "false"].includes(value.trim().toLowerCase());
}

const GO_FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function parseRatio(key: CiRuleKey, value: string): number | string {
  if (!GO_FLOAT.test(value)) {
    const quoted = JSON.stringify(value);
    return `invalid ${key} config value, given ${quoted}: strconv.ParseFloat: parsing ${quoted}: invalid syntax`;
  }
  const ratio = Number(value);
  if (ratio >= 0 && ratio <= 1) return ratio;
  return `${key} config value is outside allowed range (0-1), given '${ratio.toFixed(6)}'`;
}

function parseThreshold(key: CiRuleKey, value: string): number | string {
  if (key !== "highestWastedBytes") return parseRatio(key, value);
  const bytes = parseSize(value);
  return bytes instanceof SizeProblem
    ? `invalid ${key} config value, given ${JSON.stringify(value)}: ${bytes.message}`
    : bytes;
}

const KEYS: readonly CiRuleKey[] = ["lowestEfficiency", "highestWastedBytes", "highestUserWastedPercent"];

/**
 * The rules of `dive --ci`.
 * @throws {invalid_argument} INVALID_FLAG with one line, in dive's words, for each threshold that is none
 */
export function parseCiRules(thresholds: CiThresholds): readonly CiRule[] {
  const problems: string[] = [];
  const rules = KEYS.map((key): CiRule => {
    const value = thresholds[key];
    if (isOff(value)) return { key, configured: "disabled", threshold: undefined };
    const threshold = parseThreshold(key, value);
    if (typeof threshold === "number") return { key, configured: value, threshold };
    problems.push(threshold);
    return { key, configured: value, threshold: undefined };
  });
  if (problems.length > 0) throw new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, problems.join("\n"));
  return rules;
}

export type CiStatus = "pass" | "fail" | "skip";

export interface CiResult {
  readonly key: CiRuleKey;
  readonly status: CiStatus;
  /** What dive prints in brackets: the threshold, "disabled", or why it failed. */
  readonly message: string;
}

/** Go's `%2.2f`. */
function fixed(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? toFixedEven(value, 2) : "+Inf";
}

/** Go's `%v` of a float64: like JavaScript's but for the exponent, which begins at 21 digits and has two of them. */
function plain(value: number): string {
  return value !== 0 && value < 1e-4 ? value.toExponential().replace(/e-(\d)$/, "e-0$1") : String(value);
}

function failureOf(key: CiRuleKey, threshold: number, scores: ImageScores): string | undefined {
  switch (key) {
    case "lowestEfficiency":
      return threshold > scores.efficiency
        ? `image efficiency is too low (efficiency=${fixed(scores.efficiency)} < threshold=${plain(threshold)})`
        : undefined;
    case "highestWastedBytes":
      return scores.wastedBytes > threshold
        ? `too many bytes wasted (wasted-bytes=${scores.wastedBytes} > threshold=${threshold})`
        : undefined;
    case "highestUserWastedPercent":
      return scores.userWastedRatio > threshold
        ? `too many bytes wasted, relative to the user bytes added (%-user-wasted-bytes=${fixed(scores.userWastedRatio)} > threshold=${plain(threshold)})`
        : undefined;
  }
}

/** Judges an image. By key, as dive prints them. */
export function evaluateCi(rules: readonly CiRule[], scores: ImageScores): readonly CiResult[] {
  const results = rules.map(({ key, configured, threshold }): CiResult => {
    if (threshold === undefined) return { key, status: "skip", message: "disabled" };
    const failure = failureOf(key, threshold, scores);
    return failure === undefined
      ? { key, status: "pass", message: configured }
      : { key, status: "fail", message: failure };
  });
  return results.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}
