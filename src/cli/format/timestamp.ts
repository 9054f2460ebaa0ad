import { CommandError } from "../core/commandError.ts";

const UNIT_SECONDS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };
const DURATION = /^[+-]?(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/;

/** Go's time.ParseDuration in seconds; undefined when the text is no duration. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!DURATION.test(text)) return undefined;
  const parts = text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g);
  const seconds = [...parts].reduce(
    (sum, [, number, unit]) => sum + Number(number) * (UNIT_SECONDS[unit ?? ""] ?? 0),
    0,
  );
  return text.startsWith("-") ? -seconds : seconds;
}

/**
 * `--since`/`--until` → seconds since 1970, as docker's client sends them: whole ones for a duration ago, nine decimals for
 * RFC 3339 with or without zone or time; a Unix time stays.
 */
export function apiTimestamp(text: string, nowMs: number = Date.now()): string {
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return text;
  const ago = parseDuration(text);
  if (ago !== undefined) return String(Math.floor(nowMs / 1000 - ago));
  if (/^\d{4}-\d\d-\d\d(?:T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)?(?:Z|[+-]\d\d:\d\d)?$/.test(text)) {
    const ms = Date.parse(completed(text));
    const fraction = /:\d\d\.(\d+)/.exec(text)?.[1] ?? "";
    if (!Number.isNaN(ms)) return `${Math.floor(ms / 1000)}.${fraction.padEnd(9, "0").slice(0, 9)}`;
  }
  throw new CommandError(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
}

/** Fills in what Go's layouts allow to be left out, so that Date reads local time where no zone is named. */
function completed(text: string): string {
  const [, day = "", time = "", zone = ""] = /^(\d{4}-\d\d-\d\d)(?:T([\d:.]+))?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const [hours = "00", minutes = "00", seconds = "00"] = time.split(":");
  return `${day}T${hours || "00"}:${minutes}:${seconds.slice(0, 6)}${zone}`;
}
