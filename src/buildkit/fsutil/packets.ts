import type { ContextEntry } from "#build";
import type { Decoded, Encodable } from "../wire/types.ts";
import { toGoMode, toPosixMode } from "./goMode.ts";

/** @see tonistiigi/fsutil types/wire.proto */
export const PacketType = { STAT: 0, REQUEST: 1, DATA: 2, FINISH: 3, ERROR: 4 } as const;

/** A stat of the wire; undefined for a type of file that cannot be kept. */
export function readStat(stat: Decoded<"Stat">): ContextEntry | undefined {
  const mode = toPosixMode(stat.mode);
  if (mode === undefined) return undefined;
  const { path, uid, gid, modTime, linkname, xattrs } = stat;
  return {
    path,
    mode,
    uid,
    gid,
    size: Number(stat.size),
    modifiedAt: modTime,
    linkname,
    deviceMajor: Number(stat.devmajor),
    deviceMinor: Number(stat.devminor),
    xattrs: new Map(Object.entries(xattrs)),
  };
}

export function writeStat(entry: ContextEntry): Encodable<"Stat"> {
  const { path, mode, uid, gid, size, modifiedAt, linkname, deviceMajor, deviceMinor, xattrs } = entry;
  return {
    path,
    mode: toGoMode(mode),
    uid,
    gid,
    size: BigInt(size),
    modTime: modifiedAt,
    linkname,
    devmajor: BigInt(deviceMajor),
    devminor: BigInt(deviceMinor),
    xattrs: Object.fromEntries(xattrs),
  };
}
