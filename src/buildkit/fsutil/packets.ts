import type { EntryStat } from "../contract.ts";
import type { Decoded, Encodable } from "../wire/types.ts";
import { toGoMode, toPosixMode } from "./goMode.ts";

/** @see tonistiigi/fsutil types/wire.proto */
export const PacketType = { STAT: 0, REQUEST: 1, DATA: 2, FINISH: 3, ERROR: 4 } as const;

/** A stat of the wire; undefined for a type of file that cannot be kept. */
export function readStat(stat: Decoded<"Stat">): EntryStat | undefined {
  const mode = toPosixMode(stat.mode);
  if (mode === undefined) return undefined;
  const { path, uid, gid, modTime, linkname, xattrs } = stat;
  return {
    path,
    mode,
    uid,
    gid,
    size: Number(stat.size),
    modTime,
    linkname,
    devmajor: Number(stat.devmajor),
    devminor: Number(stat.devminor),
    xattrs,
  };
}

export function writeStat(stat: EntryStat): Encodable<"Stat"> {
  return {
    ...stat,
    mode: toGoMode(stat.mode),
    size: BigInt(stat.size),
    devmajor: BigInt(stat.devmajor),
    devminor: BigInt(stat.devminor),
  };
}
