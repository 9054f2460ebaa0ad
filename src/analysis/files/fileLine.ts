import { toDisplayPath } from "#tar";
import type { FileType } from "#erofs";
import type { ImageFile, ImageFiles } from "./imageFiles.ts";
import { shownPath } from "./imageFiles.ts";
import { isoTime } from "./searchHits.ts";

/** A file of an image as JSON: one line of `GET /varve/v1/images/{name}/files`. */
export interface FileLine {
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
  /** Of a symlink. */
  readonly target?: string;
  /** Another name of the same file, as the layer has it. */
  readonly hardLinkTo?: string;
  readonly device?: string;
  /** Base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** Which layer the attributes are of, 0 the base, and which step of the history made it. */
  readonly layer: number;
  readonly step: number;
}

export function fileLineOf(files: ImageFiles, file: ImageFile): FileLine {
  const { type, mode, uid, gid, size, mtimeSeconds, target, hardLink, device, xattrs } = file.entry;
  const own = Object.entries(xattrs ?? {});
  return {
    path: shownPath(file.path),
    type,
    mode: mode.toString(8).padStart(4, "0"),
    uid,
    gid,
    size,
    mtime: isoTime(mtimeSeconds),
    ...(type === "symlink" && target !== undefined ? { target: toDisplayPath(target) } : {}),
    ...(type !== "symlink" && hardLink === true ? { hardLinkTo: shownPath(target ?? "") } : {}),
    ...(device === undefined ? {} : { device: `${device.major}:${device.minor}` }),
    ...(own.length === 0
      ? {}
      : { xattrs: Object.fromEntries(own.map(([name, value]) => [name, Buffer.from(value).toString("base64")])) }),
    layer: file.layer,
    step: files.stepOf(file),
  };
}

/** A path's file, or what is in it when it is a directory (all the way down with `recursive`). @throws {not_found} */
export function* listFiles(
  files: ImageFiles,
  path: string,
  options: { readonly recursive?: boolean } = {},
): Generator<ImageFile> {
  const found = files.require(path);
  if (found.entry.type !== "directory") yield found;
  else yield* options.recursive === true ? files.walk(found) : files.list(found);
}
