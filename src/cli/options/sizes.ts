import { goQuote, parseGoDuration } from "#gotext";
const POWERS: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `512m`, `1.5GiB`, `1024` → bytes, in powers of 1024 (go-units RAMInBytes). @throws {Error} in its words. */
export function parseBytes(text: string): number {
  const digit = Math.max(...Array.from("0123456789. ", (char) => text.lastIndexOf(char)));
  if (digit < 0) throw new Error(`invalid size: '${text}'`);
  const number = text.slice(0, text[digit] === " " ? digit : digit + 1);
  const suffix = text.slice(digit + 1);
  const size = parseFloatText(number);
  if (size < 0) throw new Error(`invalid size: '${text}'`);
  return Math.trunc(size * factorOf(suffix));
}

function parseFloatText(text: string): number {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return Number(text);
  throw new Error(`strconv.ParseFloat: parsing ${goQuote(text)}: invalid syntax`);
}

function factorOf(suffix: string): number {
  if (suffix === "") return 1;
  const shown = suffix.length > 3 ? suffix : suffix.toLowerCase();
  const unit = shown.charAt(0);
  if (shown === "b") return 1;
  const power = POWERS[unit];
  if (power === undefined || !["", "b", "ib"].includes(shown.slice(1))) throw new Error(`invalid suffix: '${shown}'`);
  return 1024 ** power;
}

const NANO = 1_000_000_000n;

/** A rational number of CPUs (`1.5`, `1/2`, `1e-1`) → billionths of one. */
export function parseCpus(text: string): number {
  const [, sign = "", whole = "", fraction = "", exponent = "0", below] =
    /^([+-]?)(?=\.?\d)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? /^([+-]?)(\d+)()()\/(\d+)$/.exec(text) ?? [];
  if (whole === "" && fraction === "") throw new Error(`failed to parse ${text} as a rational number`);
  const scale = Number(exponent) - fraction.length;
  const over = BigInt(whole + fraction) * NANO * 10n ** BigInt(Math.max(scale, 0));
  const under = BigInt(below ?? "1") * 10n ** BigInt(Math.max(-scale, 0));
  if (under === 0n) throw new Error(`failed to parse ${text} as a rational number`);
  if (over % under !== 0n) throw new Error("value is too precise");
  return Number(over / under) * (sign === "-" ? -1 : 1);
}

/** Go's time.ParseDuration in nanoseconds: `1m30s`. @throws {Error} in its words. */
export function parseDurationNanos(text: string): number {
  const nanoseconds = parseGoDuration(text);
  if (typeof nanoseconds === "string") throw new Error(nanoseconds);
  return nanoseconds;
}
