import { messageOf } from "#errors";
import type { ProgressDetail, ProgressMessage, ProgressSink } from "#engineapi";
import type { BodyWriter } from "./bodyWriter.ts";
import type { Exchange } from "./exchange.ts";

const BAR_WIDTH = 50;
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(4))}${UNITS[unit]}`;
}

function counts({ current = 0, total = 0, units = "", hidecounts = false }: ProgressDetail): string {
  if (hidecounts) return "";
  const whole = total > 0 && current <= total;
  if (units !== "") return whole ? `${current}/${total} ${units}` : `${current} ${units}`;
  const now = humanSize(current).padStart(8);
  return whole ? `${now}/${humanSize(total)}` : now;
}

/**
 * The bar as text that jsonmessage carries for clients without one: `[==>   ]  1.2MB/3MB`; undefined where there is none.
 * @see moby pkg/jsonmessage, JSONProgress.String
 */
export function progressText(detail: ProgressDetail): string | undefined {
  const { current = 0, total = 0 } = detail;
  if (current <= 0 && total <= 0) return undefined;
  if (total <= 0) return counts({ ...detail, hidecounts: false });
  const filled = Math.min(BAR_WIDTH, Math.floor(Math.trunc((current / total) * 100) / 2));
  return `[${"=".repeat(filled)}>${" ".repeat(BAR_WIDTH - filled)}] ${counts(detail)}`;
}

function toWire(message: ProgressMessage): string {
  const { progressDetail } = message;
  const text = progressDetail === undefined ? undefined : progressText(progressDetail);
  return `${JSON.stringify(text === undefined ? message : { ...message, progress: text })}\r\n`;
}

function isLosable(message: ProgressMessage): boolean {
  return message.progressDetail !== undefined && "current" in message.progressDetail;
}

/**
 * Runs work that reports progress. Nothing is sent before the first message, so that an early failure still becomes an
 * HTTP status; a later one becomes an `error` line, as dockerd does. A slow client loses byte counts, never states.
 */
export async function answerWithProgress(
  exchange: Exchange,
  work: (progress: ProgressSink) => Promise<void>,
): Promise<void> {
  let body: BodyWriter | undefined;
  const open = (): BodyWriter => (body ??= exchange.stream(200, "application/json"));
  try {
    await work((message) => {
      const writer = open();
      if (!writer.congested() || !isLosable(message)) writer.post(toWire(message));
    });
    open().end();
  } catch (error) {
    if (body === undefined) throw error;
    const message = messageOf(error);
    body.post(`${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`);
    body.end();
  }
}
