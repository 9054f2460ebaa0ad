import { EngineError, ErrorCode } from "#errors";
import { DEFAULT_CI_THRESHOLDS } from "./ciRules.ts";
import type { CiRuleKey, CiThresholds } from "./ciRules.ts";

function malformed(line: number, why: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, `yaml: line ${line}: ${why}`);
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", '"': '"', "\\": "\\", "/": "/", "0": "\0" };

/** The text of a scalar: quotes taken off, a comment after it too. */
function scalarOf(text: string, line: number): string {
  const quote = text[0];
  if (quote === '"' || quote === "'") {
    const whole = quote === '"' ? /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/ : /^'((?:[^']|'')*)'\s*(?:#.*)?$/;
    const [, inner] = whole.exec(text) ?? [];
    if (inner === undefined) throw malformed(line, "found unexpected end of stream");
    return quote === "'"
      ? inner.replaceAll("''", "'")
      : inner.replaceAll(/\\(.)/g, (all, escaped: string) => ESCAPES[escaped] ?? all);
  }
  if (/^[[{&*!|>%@`]/.test(text)) throw malformed(line, `cannot unmarshal ${JSON.stringify(text)} into string`);
  return text.replace(/(?:^|\s+)#.*$/, "");
}

const BLANK = /^\s*(?:#.*)?$/;
const PAIR = /^( *)("[^"]*"|'[^']*'|[^\s#'"-][^#]*?)\s*:(?:\s+(.*?))?\s*$/;

interface Line {
  readonly number: number;
  readonly text: string;
}

/** The lines below the top-level key `rules`. */
function ruleLines(text: string): readonly Line[] {
  const lines: Line[] = [];
  let inRules = false;
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    if (raw.startsWith("...")) break;
    if (BLANK.test(raw)) continue;
    if (/^\S/.test(raw)) {
      inRules = /^(?:rules|"rules"|'rules')\s*:\s*(?:#.*|~|null)?$/.test(raw);
      if (!inRules && /^(?:rules|"rules"|'rules')\s*:/.test(raw)) throw malformed(index + 1, "cannot unmarshal rules");
    } else if (inRules) {
      lines.push({ number: index + 1, text: raw });
    }
  }
  return lines;
}

function isRuleKey(key: string): key is CiRuleKey {
  return Object.hasOwn(DEFAULT_CI_THRESHOLDS, key);
}

/**
 * A `.dive-ci` file: YAML with a map `rules` of up to three scalars; whatever else it holds is passed over. What it does
 * not set has dive's default: the file takes the place of all flags. Only block style is read.
 * @throws {invalid_argument} INVALID_FLAG "yaml: line N: …"
 */
export function parseDiveCi(text: string): CiThresholds {
  const found: Partial<Record<CiRuleKey, string>> = {};
  let depth: number | undefined;
  for (const { number, text: raw } of ruleLines(text)) {
    const [, indent, quoted, value = ""] = PAIR.exec(raw) ?? [];
    if (indent === undefined || quoted === undefined) {
      const isTab = raw.trimStart() !== raw.replace(/^ +/, "");
      throw malformed(number, isTab ? "found character that cannot start any token" : "could not find expected ':'");
    }
    depth ??= indent.length;
    if (indent.length !== depth) throw malformed(number, "did not find expected key");
    const key = quoted.replace(/^(['"])(.*)\1$/, "$2");
    // YAML's null leaves the default.
    if (isRuleKey(key) && !/^(?:~|null|Null|NULL|#.*)?$/.test(value)) found[key] = scalarOf(value, number);
  }
  return { ...DEFAULT_CI_THRESHOLDS, ...found };
}
