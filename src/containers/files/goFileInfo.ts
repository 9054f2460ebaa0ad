import type { BigIntStats } from "node:fs";

/** @see Go's io/fs, FileMode */
const GO = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  fifo: 2 ** 25,
  socket: 2 ** 24,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  charDevice: 2 ** 21,
  sticky: 2 ** 20,
} as const;

function typeBits(stat: BigIntStats): number {
  if (stat.isDirectory()) return GO.directory;
  if (stat.isSymbolicLink()) return GO.symlink;
  if (stat.isFIFO()) return GO.fifo;
  if (stat.isSocket()) return GO.socket;
  if (stat.isBlockDevice()) return GO.device;
  return stat.isCharacterDevice() ? GO.device + GO.charDevice : 0;
}

/** st_mode as Go's FileMode. */
export function goFileMode(stat: BigIntStats): number {
  const mode = Number(stat.mode);
  const special =
    ((mode & 0o4000) === 0 ? 0 : GO.setuid) +
    ((mode & 0o2000) === 0 ? 0 : GO.setgid) +
    ((mode & 0o1000) === 0 ? 0 : GO.sticky);
  return typeBits(stat) + special + (mode & 0o777);
}

/** RFC 3339 in UTC, nanoseconds without zeros at the end. */
export function goTime(nanoseconds: bigint): string {
  const fraction = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const whole = new Date(Number((nanoseconds - fraction) / 1_000_000n)).toISOString().slice(0, 19);
  const digits = fraction === 0n ? "" : `.${fraction.toString().padStart(9, "0").replace(/0+$/, "")}`;
  return `${whole}${digits}Z`;
}
