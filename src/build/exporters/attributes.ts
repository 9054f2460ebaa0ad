import { EngineError, ErrorCode } from "#errors";

export function invalidAttribute(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

const TRUE: ReadonlySet<string> = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE: ReadonlySet<string> = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** A switch as Go's strconv.ParseBool reads it; undefined: absent. @throws {invalid_argument} in BuildKit's words */
export function readSwitch(attributes: Readonly<Record<string, string>>, key: string): boolean | undefined {
  const value = attributes[key];
  if (value === undefined) return undefined;
  if (value === "" || TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  const why = `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`;
  throw invalidAttribute(`non-bool value specified for ${key}: ${why}`);
}

/** `source-date-epoch`, seconds since 1970. */
export function readEpoch(attributes: Readonly<Record<string, string>>): number | undefined {
  const value = attributes["source-date-epoch"];
  if (value === undefined || value === "") return undefined;
  if (/^[+-]?\d+$/.test(value)) return Number(value);
  const why = `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`;
  throw invalidAttribute(`invalid source-date-epoch: ${why}`);
}
