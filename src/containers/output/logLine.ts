import type { OutputFrame } from "../containerService.ts";

/** One entry of conmon's log. `bytes` carry the newline when the program wrote one. */
export interface LogEntry extends OutputFrame {
  /** RFC 3339 with nanoseconds and the zone's offset. */
  readonly time: string;
  /** False: the line goes on in the stream's next entry. */
  readonly complete: boolean;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;

/**
 * `2026-11-21T03:19:54.776884132+00:00 stdout F text` and its newline. A line is split at every read of conmon; all parts
 * but the last are marked P. Undefined for what is no entry (a line cut off by a crash).
 */
export function parseLogLine(line: Uint8Array): LogEntry | undefined {
  const timeEnd = line.indexOf(SPACE);
  const streamEnd = line.indexOf(SPACE, timeEnd + 1);
  const flagEnd = streamEnd + 2;
  if (timeEnd < 0 || streamEnd < 0 || line[flagEnd] !== SPACE || line.at(-1) !== NEWLINE) return undefined;
  const text = (from: number, to: number): string => Buffer.from(line.subarray(from, to)).toString("latin1");
  const stream = text(timeEnd + 1, streamEnd);
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  const complete = text(streamEnd + 1, flagEnd) === "F";
  const bytes = line.subarray(flagEnd + 1, complete ? line.byteLength : line.byteLength - 1);
  return { time: text(0, timeEnd), stream, complete, bytes };
}

/** Nanoseconds since 1970 of an entry's time. */
export function logNanoseconds(time: string): bigint {
  const match = /^(.{19})(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  if (match === null) return 0n;
  const [, whole = "", fraction = "", zone = "Z"] = match;
  return BigInt(Date.parse(whole + zone)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
