import { goQuote } from "./goQuote.ts";

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const DURATION_PART = /([0-9]*)(\.[0-9]*)?([^0-9.]*)/y;

/** Go's time.ParseDuration. Nanoseconds, or what is wrong in Go's words. */
export function parseGoDuration(text: string): number | string {
  const invalid = `time: invalid duration ${goQuote(text)}`;
  const sign = text.startsWith("-") ? -1 : 1;
  let at = /^[+-]/.test(text) ? 1 : 0;
  if (text.slice(at) === "0") return 0;
  if (at === text.length) return invalid;
  let total = 0;
  while (at < text.length) {
    DURATION_PART.lastIndex = at;
    const [whole = "", digits = "", fraction = "", unit = ""] = DURATION_PART.exec(text) ?? [];
    if (digits === "" && fraction.length < 2) return invalid;
    if (unit === "") return `time: missing unit in duration ${goQuote(text)}`;
    const scale = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (scale === undefined) return `time: unknown unit ${goQuote(unit)} in duration ${goQuote(text)}`;
    total += Math.trunc(Number(`0${digits}${fraction.length > 1 ? fraction : ""}`) * scale);
    if (total > Number.MAX_SAFE_INTEGER * 1024) return invalid;
    at += whole.length;
  }
  return sign * total;
}
