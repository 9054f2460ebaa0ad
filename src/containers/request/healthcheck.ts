import { EngineError, ErrorCode } from "#errors";
import type { HealthConfig } from "#oci";
import { Fields } from "./fields.ts";

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

/** A duration below this, but not 0, is refused: 1 ms, in nanoseconds. */
const MIN_DURATION = 1_000_000;

const DURATIONS = ["Interval", "Timeout", "StartPeriod", "StartInterval"] as const;

/** The request's values over the image's: a value that is 0 or empty is inherited. `NONE` turns the image's off. */
export function mergeHealthcheck(requested: unknown, image: HealthConfig | undefined): HealthConfig | undefined {
  const fields = new Fields(requested, "Healthcheck");
  if (requested === undefined || requested === null) return image;
  const Test = fields.texts("Test") ?? [];
  const merged: HealthConfig = {
    ...(Test.length > 0 ? { Test } : image?.Test === undefined ? {} : { Test: image.Test }),
    ...Object.fromEntries(
      [...DURATIONS, "Retries" as const]
        .map((name) => [name, fields.integer(name) || (image?.[name] ?? 0)] as const)
        .filter(([, value]) => value !== 0),
    ),
  };
  check(merged);
  return Object.keys(merged).length === 0 ? undefined : merged;
}

const WORDS: Readonly<Record<(typeof DURATIONS)[number], string>> = {
  Interval: "Interval in Healthcheck",
  Timeout: "Timeout in Healthcheck",
  StartPeriod: "StartPeriod in Healthcheck",
  StartInterval: "StartInterval in Healthcheck",
};

function check(health: HealthConfig): void {
  for (const name of DURATIONS) {
    const value = health[name] ?? 0;
    if (value !== 0 && value < MIN_DURATION) throw invalid(`${WORDS[name]} cannot be less than 1ms`);
  }
  if ((health.Retries ?? 0) < 0) throw invalid("Retries in Healthcheck cannot be negative");
}
