/**
 * What a create request may ask that this engine does not do yet. Clients send most fields with empty or default values,
 * which pass; anything else is refused by name, never ignored.
 */
import { EngineError, ErrorCode } from "#errors";

/** Field → the option that a person typed. */
const HOST_CONFIG: Readonly<Record<string, string>> = {};

const CONFIG: Readonly<Record<string, string>> = {
  Healthcheck: "--health-cmd",
};

/** Values that ask for nothing, beside empty ones. */
const DEFAULTS: Readonly<Record<string, (value: unknown) => boolean>> = {
  Healthcheck: (value) => isHollow(value) || firstOf(value, "Test") === "NONE",
};

function firstOf(value: unknown, key: string): unknown {
  const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return Array.isArray(found) ? found[0] : undefined;
}

/** null, "", 0, false, [] and {}. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Empty, or an object whose every field is. */
function isHollow(value: unknown): boolean {
  return isEmpty(value) || (typeof value === "object" && value !== null && Object.values(value).every(isEmpty));
}

function refuse(table: Readonly<Record<string, string>>, values: object): void {
  for (const [field, option] of Object.entries(table)) {
    const value: unknown = Reflect.get(values, field);
    if (isEmpty(value) || DEFAULTS[field]?.(value) === true) continue;
    throw new EngineError(
      "not_implemented",
      ErrorCode.NOT_IMPLEMENTED,
      `varve does not support ${option} yet (${field})`,
    );
  }
}

/** @throws {not_implemented} naming the first option that would have to be ignored. */
export function refuseUnsupported(request: Readonly<Record<string, unknown>>): void {
  refuse(CONFIG, request);
  const hostConfig = request["HostConfig"];
  if (typeof hostConfig === "object" && hostConfig !== null) refuse(HOST_CONFIG, hostConfig);
}
