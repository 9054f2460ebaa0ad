import type { TarEntry } from "#tar";
import { invalidEntry, layerLimit, quotePath } from "./erofsError.ts";
import { MAX_DEVICE_MAJOR, MAX_DEVICE_MINOR } from "./fileType.ts";
import { NAME_MAX, PATH_MAX } from "./onDisk.ts";

/** The kernel's "no such id": chown could not set it. */
const NO_ID = 0xffff_ffff;
const MAX_MODE = 0o7777;
const NANOSECONDS = 1_000_000_000;
/** @throws when a clean path is one that no filesystem takes: a part over 255 bytes, over 4095 in all, a NUL */
export function checkPath(path: string): void {
  if (path.length > PATH_MAX) throw layerLimit(`path ${quotePath(path)} has ${path.length} bytes, at most ${PATH_MAX}`);
  if (path.includes("\0")) throw invalidEntry(`path ${quotePath(path)} holds a NUL byte`);
  if (path.length > NAME_MAX) {
    const long = path.split("/").find((part) => part.length > NAME_MAX);
    if (long !== undefined)
      throw layerLimit(`file name ${quotePath(long)} has ${long.length} bytes, at most ${NAME_MAX}`);
  }
}

/** @throws when an inode cannot say what the entry says */
export function checkEntry(entry: TarEntry, path: string): void {
  const wrong = wrongNumber(entry) ?? wrongSymlink(entry);
  if (wrong !== undefined) throw invalidEntry(`${quotePath(path)}: ${wrong}`);
  if (entry.type === "symlink" && entry.linkPath.length > PATH_MAX) {
    throw layerLimit(`${quotePath(path)}: symlink target of ${entry.linkPath.length} bytes, at most ${PATH_MAX}`);
  }
}

function isWithin(value: number, end: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < end;
}

function wrongNumber(entry: TarEntry): string | undefined {
  if (!isWithin(entry.uid, NO_ID) || !isWithin(entry.gid, NO_ID)) return `owner ${entry.uid}:${entry.gid} out of range`;
  if (!isWithin(entry.mode, MAX_MODE + 1)) return `mode ${entry.mode} out of range`;
  if (!Number.isSafeInteger(entry.mtimeSeconds) || !isWithin(entry.mtimeNanoseconds, NANOSECONDS)) {
    return "modification time out of range";
  }
  if (entry.type === "char" || entry.type === "block") {
    const { deviceMajor, deviceMinor } = entry;
    const fits = isWithin(deviceMajor, MAX_DEVICE_MAJOR + 1) && isWithin(deviceMinor, MAX_DEVICE_MINOR + 1);
    return fits ? undefined : `device ${deviceMajor}:${deviceMinor} out of range`;
  }
  return undefined;
}

function wrongSymlink(entry: TarEntry): string | undefined {
  if (entry.type !== "symlink") return undefined;
  if (entry.linkPath === "") return "symlink without target";
  return entry.linkPath.includes("\0") ? "symlink target holds a NUL byte" : undefined;
}
