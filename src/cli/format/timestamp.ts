import { parseGoDuration } from "#gotext";
import { CommandError } from "../core/commandError.ts";

/**
 * `--since`/`--until` → seconds since 1970, as docker's client sends them: whole ones for a duration ago, nine decimals for
 * RFC 3339 with or without zone or time; a Unix time stays.
 */
export function apiTimestamp(text: string, nowMs: number = Date.now()): string {
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return text;
  const ago = parseGoDuration(text);
  if (typeof ago === "number") return String(Math.floor((nowMs - ago / 1e6) / 1000));
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
