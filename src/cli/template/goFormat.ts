import { goQuote } from "#gotext";
import { GoStruct, isList, isMap, sortedKeys, typeName } from "./value.ts";
import type { GoValue } from "./value.ts";

/** A number as Go's `%v` prints it: integers plain, floats shortest with an exponent below 1e-4 and from 1e21 on. */
function plainNumber(value: number | bigint): string {
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  const size = Math.abs(value);
  const text = size < 1e-4 || size >= 1e21 ? value.toExponential() : String(value);
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

/** `%v`: `[a b]`, `map[k:v]`, `{a b}`, `<nil>`. */
export function goString(value: GoValue): string {
  if (value === undefined || value === null) return "<nil>";
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number" || typeof value === "bigint") return plainNumber(value);
  if (isList(value)) return `[${value.map(goString).join(" ")}]`;
  if (value instanceof GoStruct)
    return value.said ?? `{${value.fields.map((field) => goString(field.get())).join(" ")}}`;
  return `map[${sortedKeys(value)
    .map((key) => `${key}:${goString(value[key])}`)
    .join(" ")}]`;
}

interface Verb {
  readonly flags: string;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  readonly verb: string;
}

function exponentText(value: number, precision: number | undefined): string {
  return value.toExponential(precision).replace(/e([+-])(\d)$/, "e$10$2");
}

/** C's and Go's `%g` with a precision: so many significant digits, no trailing zeros, exponent when it is shorter. */
export function generalNumber(value: number, precision: number): string {
  if (value === 0) return "0";
  const exponent = Number(value.toExponential(precision - 1).split("e")[1]);
  if (exponent < -4 || exponent >= precision) {
    const [mantissa = "", power = ""] = exponentText(value, precision - 1).split("e");
    return `${mantissa.replace(/\.?0+$/, "")}e${power}`;
  }
  const fixed = value.toFixed(Math.max(0, precision - 1 - exponent));
  return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
}

const RADIX: Readonly<Record<string, number>> = { d: 10, x: 16, X: 16, o: 8, b: 2 };

function formatInteger(value: number | bigint, verb: Verb): string | undefined {
  const radix = RADIX[verb.verb];
  if (radix !== undefined) {
    const prefix = verb.flags.includes("#") ? ({ 16: `0${verb.verb}`, 8: "0", 2: "0b" }[radix] ?? "") : "";
    const digits = (value < 0 ? -value : value).toString(radix);
    return (value < 0 ? "-" : "") + prefix + (verb.verb === "X" ? digits.toUpperCase() : digits);
  }
  if (verb.verb === "c") return String.fromCodePoint(Number(value));
  if (verb.verb === "q") return `'${String.fromCodePoint(Number(value))}'`;
  return verb.verb === "U" ? `U+${value.toString(16).toUpperCase().padStart(4, "0")}` : undefined;
}

// JSON has one kind of number: a whole one is Go's int to %d, and is let through to %f too.
function formatNumber(value: number | bigint, verb: Verb): string | undefined {
  const isInteger = typeof value === "bigint" || Number.isInteger(value);
  const whole = isInteger ? formatInteger(value, verb) : undefined;
  if (whole !== undefined) return whole;
  const float = Number(value);
  if (verb.verb === "f" || verb.verb === "F") return float.toFixed(verb.precision ?? 6);
  if (verb.verb === "e") return exponentText(float, verb.precision ?? 6);
  if (verb.verb !== "g") return undefined;
  return verb.precision === undefined ? plainNumber(float) : generalNumber(float, verb.precision);
}

function hex(text: string, verb: Verb): string {
  const digits = Buffer.from(text).toString("hex");
  return verb.verb === "X" ? digits.toUpperCase() : digits;
}

function formatText(value: string, verb: Verb): string | undefined {
  const text = verb.precision === undefined ? value : Array.from(value).slice(0, verb.precision).join("");
  if (verb.verb === "s") return text;
  if (verb.verb === "q") return goQuote(text);
  return verb.verb === "x" || verb.verb === "X" ? hex(text, verb) : undefined;
}

function formatOne(value: GoValue, verb: Verb): string {
  if (verb.verb === "T") return value === undefined || value === null ? "<nil>" : typeName(value);
  if (verb.verb === "v") return goString(value);
  if (value === undefined || value === null) return `%!${verb.verb}(<nil>)`;
  if (verb.verb === "t" && typeof value === "boolean") return String(value);
  if (isList(value)) return `[${value.map((item) => formatOne(item, verb)).join(" ")}]`;
  if (isMap(value)) {
    const pairs = sortedKeys(value).map((key) => `${formatOne(key, verb)}:${formatOne(value[key], verb)}`);
    return `map[${pairs.join(" ")}]`;
  }
  const text =
    typeof value === "number" || typeof value === "bigint"
      ? formatNumber(value, verb)
      : typeof value === "string"
        ? formatText(value, verb)
        : undefined;
  return text ?? `%!${verb.verb}(${typeName(value)}=${goString(value)})`;
}

function pad(text: string, value: GoValue, verb: Verb): string {
  const signed = verb.flags.includes("+") && typeof value === "number" && value >= 0 ? `+${text}` : text;
  const missing = (verb.width ?? 0) - Array.from(signed).length;
  if (missing <= 0) return signed;
  if (verb.flags.includes("-")) return signed + " ".repeat(missing);
  if (!verb.flags.includes("0") || typeof value === "string") return " ".repeat(missing) + signed;
  const sign = /^[+-]/.exec(signed)?.[0] ?? "";
  return sign + "0".repeat(missing) + signed.slice(sign.length);
}

const VERB = /%(?<flags>[-+# 0]*)(?<width>\*|\d+)?(?<point>\.(?<precision>\*|\d+)?)?(?<verb>[a-zA-Z%])?/g;

/** Go's fmt.Sprintf for template values, with its own notes on misuse (`%!d(string=x)`, `%!s(MISSING)`, `%!(EXTRA …)`). */
export function sprintf(format: string, values: readonly GoValue[]): string {
  let next = 0;
  const take = (): GoValue => {
    next += 1;
    return values[next - 1];
  };
  const number = (text: string | undefined): number | undefined => {
    if (text !== "*") return text === undefined ? undefined : Number(text);
    const value = take();
    return typeof value === "number" ? value : undefined;
  };
  const one = (groups: Readonly<Record<string, string | undefined>>): string => {
    const { flags = "", verb } = groups;
    if (verb === "%") return "%";
    if (verb === undefined) return "%!(NOVERB)";
    const width = number(groups["width"]);
    const precision = groups["point"] === undefined ? undefined : (number(groups["precision"]) ?? 0);
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const value = take();
    const parts = { flags, width, precision, verb };
    return pad(formatOne(value, parts), value, parts);
  };
  let text = "";
  let end = 0;
  for (const match of format.matchAll(VERB)) {
    text += format.slice(end, match.index) + one(match.groups ?? {});
    end = match.index + match[0].length;
  }
  text += format.slice(end);
  if (next >= values.length) return text;
  const extra = values.slice(next).map((value) => `${value === null ? "" : `${typeName(value)}=`}${goString(value)}`);
  return `${text}%!(EXTRA ${extra.join(", ")})`;
}

/** fmt.Sprint: a space between two values when neither is a string. */
export function sprint(values: readonly GoValue[]): string {
  return values
    .map((value, index) => {
      const before = values[index - 1];
      const apart = index > 0 && typeof value !== "string" && typeof before !== "string";
      return (apart ? " " : "") + goString(value);
    })
    .join("");
}
