import { boolFlag, intFlag, stringFlag, valueFlag } from "../core/flags.ts";
import type { Flag, FlagValues } from "../core/flags.ts";
import { parseDurationNanos } from "./sizes.ts";

/** Health checks; durations in nanoseconds. */
export type HealthFlags = Readonly<
  Record<"health-cmd", Flag<string>> &
    Record<
      "health-interval" | "health-retries" | "health-start-interval" | "health-start-period" | "health-timeout",
      Flag<number>
    > &
    Record<"no-healthcheck", Flag<boolean>>
>;

const duration = (usage: string): Flag<number> =>
  valueFlag("duration", `${usage} (ms|s|m|h) (default 0s)`, { initial: 0, parse: parseDurationNanos });

export const HEALTH_FLAGS: HealthFlags = {
  "health-cmd": stringFlag(undefined, "Command to run to check health"),
  "health-interval": duration("Time between running the check"),
  "health-retries": intFlag(undefined, "Consecutive failures needed to report unhealthy"),
  "health-start-interval": duration("Time between running the check during the start period"),
  "health-start-period": duration(
    "Start period for the container to initialize before starting health-retries countdown",
  ),
  "health-timeout": duration("Maximum time to allow one check to run"),
  "no-healthcheck": boolFlag(undefined, "Disable any container-specified HEALTHCHECK"),
};

const NUMBERS = {
  Interval: "health-interval",
  Timeout: "health-timeout",
  Retries: "health-retries",
  StartPeriod: "health-start-period",
  StartInterval: "health-start-interval",
} as const;

/** Config.Healthcheck; undefined when the image's own holds. @throws {Error} in Docker's words. */
export function healthcheck(flags: FlagValues<HealthFlags>): Readonly<Record<string, unknown>> | undefined {
  const command = flags["health-cmd"];
  const numbers = Object.entries(NUMBERS).filter(([, name]) => flags[name] !== 0);
  const isSet = command !== "" || numbers.length > 0;
  if (flags["no-healthcheck"]) {
    if (isSet) throw new Error("--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (!isSet) return undefined;
  for (const [, name] of numbers) if (flags[name] < 0) throw new Error(`--${name} cannot be negative`);
  return {
    ...(command === "" ? {} : { Test: ["CMD-SHELL", command] }),
    ...Object.fromEntries(numbers.map(([key, name]) => [key, flags[name]])),
  };
}
