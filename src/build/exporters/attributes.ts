import { EngineError, ErrorCode } from "#errors";
import { notABoolean, parseGoBoolean } from "#gotext";

export function invalidAttribute(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

/** A switch as Go reads booleans; undefined: absent. @throws {invalid_argument} in BuildKit's words */
export function readSwitch(attributes: Readonly<Record<string, string>>, key: string): boolean | undefined {
  const value = attributes[key];
  if (value === undefined) return undefined;
  const parsed = value === "" ? true : parseGoBoolean(value);
  if (parsed === undefined) throw invalidAttribute(`non-bool value specified for ${key}: ${notABoolean(value)}`);
  return parsed;
}

/** `source-date-epoch`, seconds since 1970. */
export function readEpoch(attributes: Readonly<Record<string, string>>): number | undefined {
  const value = attributes["source-date-epoch"];
  if (value === undefined || value === "") return undefined;
  if (/^[+-]?\d+$/.test(value)) return Number(value);
  const why = `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`;
  throw invalidAttribute(`invalid source-date-epoch: ${why}`);
}
