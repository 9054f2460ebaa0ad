const UNITS = ["kB", "MB", "GB", "TB", "PB", "EB"];

function transferSize(bytes: number): string {
  if (Math.abs(bytes) < 1000) return `${bytes}B`;
  let value = bytes / 1000;
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(2)}${UNITS[unit]}`;
}

/** `59B`, `1.23kB / 537.00MB`; empty when nothing is known (tonistiigi/units, `%.2f`). */
export function transferText(current: number, total: number | undefined): string {
  if (total !== undefined && total !== 0) return `${transferSize(current)} / ${transferSize(total)}`;
  return current === 0 ? "" : transferSize(current);
}
