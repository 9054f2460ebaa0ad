const NANOSECONDS = { h: 3_600_000_000_000, m: 60_000_000_000, s: 1_000_000_000, ms: 1_000_000, µs: 1000 } as const;

const inUnit = (nanoseconds: number, unit: keyof typeof NANOSECONDS): string =>
  `${Number((nanoseconds / NANOSECONDS[unit]).toFixed(9))}${unit}`;

/** As Go prints a duration: `1h0m0s`, `1m30s`, `5s`, `1.5ms`, `0s`. */
export function goDuration(nanoseconds: number): string {
  const size = Math.abs(nanoseconds);
  const sign = nanoseconds < 0 ? "-" : "";
  if (size === 0) return "0s";
  if (size < NANOSECONDS["µs"]) return `${sign}${size}ns`;
  if (size < NANOSECONDS.ms) return sign + inUnit(size, "µs");
  if (size < NANOSECONDS.s) return sign + inUnit(size, "ms");
  const hours = Math.trunc(size / NANOSECONDS.h);
  const minutes = Math.trunc((size % NANOSECONDS.h) / NANOSECONDS.m);
  const seconds = inUnit(size % NANOSECONDS.m, "s");
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : sign + seconds;
}
