import { messageOf } from "#errors";
import type { Container } from "../container.ts";
import { forwardOutput } from "./forward/forwardOutput.ts";
import { openReceiver } from "./forward/openSink.ts";
import { logDetails } from "./logAttributes.ts";
import { bufferBytes, checkPatterns, forwards, logLimits } from "./logDriver.ts";

export interface LogContext {
  /** Where journald takes entries. */
  readonly journalSocket: string;
  log(level: "warn" | "error", line: string): void;
}

/** Before a run: bounds its log, and sends its output on if the driver does. @throws {internal} what dockerd's driver would say of its options only now */
export async function openLog(container: Container, context: LogContext): Promise<void> {
  const { LogConfig } = container.document.hostConfig;
  const limits = logLimits(LogConfig);
  if (forwards(LogConfig)) await forward(container, context);
  else if (limits !== undefined) checkPatterns(LogConfig);
  if (limits === undefined) return;
  logDetails(container.document);
  container.log.limit(limits);
}

async function forward(container: Container, context: LogContext): Promise<void> {
  const { hostConfig } = container.document;
  if (hostConfig.LogConfig.Type === "journald") checkPatterns(hostConfig.LogConfig);
  const receiver = await openReceiver(container.document, context.journalSocket);
  void forwardOutput(container.hub, receiver, {
    bufferBytes: bufferBytes(hostConfig.LogConfig),
    warn: (line) => context.log("warn", `container ${container.id}: ${line}`),
  });
}

/**
 * The log of a container that ran on while no daemon was there to bound it. What it wrote meanwhile is not sent on; what
 * it writes from now on is.
 */
export async function takeUpLog(container: Container, context: LogContext): Promise<void> {
  const { LogConfig } = container.document.hostConfig;
  if (forwards(LogConfig))
    await forward(container, context).catch((error: unknown) =>
      context.log("warn", `container ${container.id}: its output is not forwarded: ${messageOf(error)}`),
    );
  const limits = logLimits(LogConfig);
  if (limits === undefined) return;
  container.log.limit(limits);
  await container.log.takeUp();
}
