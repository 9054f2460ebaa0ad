import type { HealthConfig } from "#oci";

/** One probe, as inspect shows it; times RFC 3339. */
export interface ProbeResult {
  readonly Start: string;
  readonly End: string;
  /** 0 healthy, -1 the probe did not end in time, else what the program said. */
  readonly ExitCode: number;
  readonly Output: string;
}

/** `State.Health` of inspect. */
export interface HealthState {
  readonly Status: "starting" | "healthy" | "unhealthy";
  readonly FailingStreak: number;
  /** The last five, oldest first. */
  readonly Log: readonly ProbeResult[];
}

/** A container's health check with Docker's defaults filled in; durations in ms. */
export interface HealthPlan {
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
}

const MS = 1_000_000;
const DEFAULT_INTERVAL_MS = 30_000;
const DEFAULT_TIMEOUT_MS = 30_000;
/** Docker's since 27; before, and where it is shorter, the interval of later. */
const DEFAULT_START_INTERVAL_MS = 5_000;
const DEFAULT_RETRIES = 3;
const KEPT_RESULTS = 5;

/** Undefined when nothing is to be probed. `shell` runs the text of `CMD-SHELL`; default `/bin/sh -c`. */
export function planHealth(
  config: HealthConfig | undefined,
  shell: readonly string[] = ["/bin/sh", "-c"],
): HealthPlan | undefined {
  const [kind, ...words] = config?.Test ?? [];
  if (kind !== "CMD" && kind !== "CMD-SHELL") return undefined;
  const { Interval = 0, Timeout = 0, StartPeriod = 0, StartInterval = 0, Retries = 0 } = config ?? {};
  const intervalMs = Interval / MS || DEFAULT_INTERVAL_MS;
  return {
    command: kind === "CMD" ? words : [...shell, ...words],
    intervalMs,
    timeoutMs: Timeout / MS || DEFAULT_TIMEOUT_MS,
    startPeriodMs: StartPeriod / MS,
    startIntervalMs: StartInterval / MS || Math.min(DEFAULT_START_INTERVAL_MS, intervalMs),
    retries: Retries || DEFAULT_RETRIES,
  };
}

/** At a container's start: what was logged before stays, as in Docker. */
export function startingHealth(before: HealthState | undefined): HealthState {
  return { Status: "starting", FailingStreak: 0, Log: before?.Log ?? [] };
}

/** Health after a probe; failures within the start period of a container that never was healthy do not count. */
export function afterProbe(health: HealthState, result: ProbeResult, plan: HealthPlan, startedAt: string): HealthState {
  const Log = [...health.Log, result].slice(-KEPT_RESULTS);
  if (result.ExitCode === 0) return { Status: "healthy", FailingStreak: 0, Log };
  const sinceStart = Date.parse(result.Start) - Date.parse(startedAt);
  const forgiven = health.Status === "starting" && sinceStart < plan.startPeriodMs;
  const FailingStreak = health.FailingStreak + (forgiven ? 0 : 1);
  const isUnhealthy = !forgiven && FailingStreak >= plan.retries;
  return { Status: isUnhealthy ? "unhealthy" : health.Status, FailingStreak, Log };
}

/** How long until the next probe. */
export function probeDelayMs(health: HealthState, plan: HealthPlan, sinceStartMs: number): number {
  const isStarting = health.Status === "starting" && sinceStartMs < plan.startPeriodMs;
  return isStarting ? plan.startIntervalMs : plan.intervalMs;
}
