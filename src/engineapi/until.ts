import { EngineError, ErrorCode } from "#errors";
import { parseGoDuration } from "#gotext";

const TIMESTAMP = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2})(?::(\d{2})(?::(\d{2})(\.\d+)?)?)?)?(Z|[+-]\d{2}:\d{2})?$/u;
const UNIX = /^(\d+)(?:\.(\d{1,9}))?$/u;

/** Go's `time.ParseDuration` in milliseconds: `1h30m`, `-1.5s`; undefined if it is none. */
export function parseDuration(text: string): number | undefined {
  const nanoseconds = parseGoDuration(text);
  return typeof nanoseconds === "string" ? undefined : nanoseconds / 1e6;
}

/**
 * A point in time as `until` filters take it: a duration before now, RFC 3339 with parts left out (then local time), or
 * seconds since 1970. Result in ms since 1970.
 * @throws {invalid_argument} with moby's words (api/types/time/timestamp.go)
 */
export function parseTimestamp(text: string, now: number): number {
  const duration = text === "0" ? undefined : parseDuration(text);
  if (duration !== undefined) return now - duration;
  const match = TIMESTAMP.exec(text);
  if (match !== null) return fromParts(match, text);
  if (text.includes("-")) throw bad(`parsing time ${JSON.stringify(text)} as a timestamp: cannot parse`);
  const unix = UNIX.exec(text);
  if (unix === null) throw bad(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return Number(text) * 1000;
}

function fromParts(match: RegExpExecArray, text: string): number {
  const [, year = "", month = "", day = "", hour = "00", minute = "00", second = "00", fraction = "", zone = ""] =
    match;
  if (Number(month) < 1 || Number(month) > 12) throw bad(`parsing time ${JSON.stringify(text)}: month out of range`);
  const inZone = `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}${zone}`;
  const time = new Date(inZone);
  // A day like February 31st rolls over silently.
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  if (Number(day) < 1 || Number(day) > lastDay) throw bad(`parsing time ${JSON.stringify(text)}: day out of range`);
  if (Number.isNaN(time.getTime())) throw bad(`parsing time ${JSON.stringify(text)}: hour out of range`);
  return time.getTime();
}

function bad(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, message);
}
