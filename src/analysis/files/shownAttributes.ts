import type { FileType } from "#erofs";
import type { LayerEntry } from "../openImage.ts";
import { shownPath } from "./imageFiles.ts";

/** What JSON says of any file. */
export interface ShownAttributes {
  /** Absolute. */
  readonly path: string;
  readonly type: FileType;
  /** Octal, four digits: `0755`, `4755`. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a regular file. */
  readonly size: number;
  /** RFC 3339, UTC. */
  readonly mtime: string;
}

/** `path` is latin1: that of the entry, or another under which it is shown. */
export function shownAttributes(path: string, entry: LayerEntry): ShownAttributes {
  const { type, mode, uid, gid, size, mtimeSeconds } = entry;
  return {
    path: shownPath(path),
    type,
    mode: mode.toString(8).padStart(4, "0"),
    uid,
    gid,
    size,
    mtime: isoTime(mtimeSeconds),
  };
}

const MAX_SECONDS = 8.64e12;

/** RFC 3339, UTC; times beyond what can be written are bounded. */
export function isoTime(seconds: number): string {
  const bounded = Math.max(-MAX_SECONDS, Math.min(MAX_SECONDS, seconds));
  return new Date(bounded * 1000).toISOString().replace(".000Z", "Z");
}
