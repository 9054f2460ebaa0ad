/** RFC 3339 with any number of digits after the second → ms since 1970, fractions kept. */
export function millisecondsOf(time: string): number {
  const [, whole = "", fraction = "0", zone = "Z"] = /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  return Date.parse(`${whole}${zone}`) + Number(`0.${fraction}`) * 1000;
}

/** One stretch of work; `stop` undefined: still under way. Times in ms. */
export interface Interval {
  readonly start: number;
  readonly stop: number | undefined;
}

export function durationOf({ start, stop }: Interval, now: number): number {
  return (stop ?? now) - start;
}

/** Overlapping stretches become one, so that time is counted once. One without end takes all that come after it. */
export function mergeIntervals(intervals: Iterable<Interval>): readonly Interval[] {
  const merged: Interval[] = [];
  for (const next of [...intervals].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last === undefined || (last.stop !== undefined && last.stop < next.start)) {
      merged.push(next);
    } else if (last.stop !== undefined && (next.stop === undefined || next.stop > last.stop)) {
      merged[merged.length - 1] = { start: last.start, stop: next.stop };
    }
  }
  return merged;
}
