import type { ContextEntry } from "#build";
import type { Encodable } from "../wire/types.ts";
import { toGoMode } from "./goMode.ts";

/** @see tonistiigi/fsutil types/wire.proto */
export const PacketType = { STAT: 0, REQUEST: 1, DATA: 2, FINISH: 3, ERROR: 4 } as const;

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
