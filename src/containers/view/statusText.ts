import { NEVER } from "../document.ts";
import type { ContainerState } from "../document.ts";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Largest step first: below each limit, the text for so many seconds. */
const STEPS: readonly (readonly [limit: number, text: (seconds: number) => string])[] = [
  [1, () => "Less than a second"],
  [2, () => "1 second"],
  [MINUTE, (seconds) => `${seconds} seconds`],
  [2 * MINUTE, () => "About a minute"],
  [HOUR, (seconds) => `${Math.trunc(seconds / MINUTE)} minutes`],
  [1.5 * HOUR, () => "About an hour"],
  [2 * DAY, (seconds) => `${Math.round(seconds / HOUR)} hours`],
  [14 * DAY, (seconds) => `${Math.trunc(seconds / DAY)} days`],
  [60 * DAY, (seconds) => `${Math.trunc(seconds / (7 * DAY))} weeks`],
  [2 * 365 * DAY, (seconds) => `${Math.trunc(seconds / (30 * DAY))} months`],
];

/** How long, in the words that `docker ps` uses. */
export function describeDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.trunc(milliseconds / 1000));
  const step = STEPS.find(([limit]) => seconds < limit);
  return step === undefined ? `${Math.trunc(seconds / (365 * DAY))} years` : step[1](seconds);
}

function healthText({ health }: ContainerState): string {
  if (health === undefined) return "";
  return health.Status === "starting" ? " (health: starting)" : ` (${health.Status})`;
}

/** Column STATUS: `Up 3 seconds (healthy)`, `Up 3 seconds (Paused)`, `Exited (0) 2 minutes ago`, `Restarting (1) 1 second ago`, `Created`. */
export function statusText(state: ContainerState, now: number): string {
  switch (state.status) {
    case "running":
      return `Up ${describeDuration(now - Date.parse(state.startedAt))}${healthText(state)}`;
    case "paused":
      return `Up ${describeDuration(now - Date.parse(state.startedAt))} (Paused)`;
    case "restarting":
      return `Restarting (${state.exitCode}) ${describeDuration(now - Date.parse(state.finishedAt))} ago`;
    case "exited":
      return `Exited (${state.exitCode}) ${describeDuration(now - Date.parse(state.finishedAt))} ago`;
    case "created":
      return state.finishedAt === NEVER ? "Created" : `Exited (${state.exitCode})`;
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
  }
}
