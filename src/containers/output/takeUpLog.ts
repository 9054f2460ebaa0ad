import type { Container } from "../container.ts";
import { logLimits } from "./logDriver.ts";

/** The log of a container that ran on while no daemon was there to bound it. */
export async function takeUpLog({ document, log }: Container): Promise<void> {
  const limits = logLimits(document.hostConfig.LogConfig);
  if (limits === undefined) return;
  log.limit(limits);
  await log.takeUp();
}
