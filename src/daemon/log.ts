import { LOG_LEVELS } from "#engine";
import type { LogLevel } from "#engine";

/** One line a message on standard error, in logrus's text form, as dockerd logs. */
export function createLog(lowest: LogLevel): (level: LogLevel, message: string) => void {
  const floor = LOG_LEVELS.indexOf(lowest);
  return (level, message) => {
    if (LOG_LEVELS.indexOf(level) < floor) return;
    process.stderr.write(
      `time="${new Date().toISOString()}" level=${level === "warn" ? "warning" : level} msg=${JSON.stringify(message)}\n`,
    );
  };
}
