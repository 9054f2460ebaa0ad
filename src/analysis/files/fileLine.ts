import { toDisplayPath } from "#tar";
import type { ImageFile, ImageFiles } from "./imageFiles.ts";
import { shownPath } from "./imageFiles.ts";
import { shownAttributes } from "./shownAttributes.ts";
import type { ShownAttributes } from "./shownAttributes.ts";

/** A file of an image as JSON: one line of `GET /varve/v1/images/{name}/files`. */
export interface FileLine extends ShownAttributes {
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
  const { type, target, hardLink, device, xattrs } = file.entry;
  const own = Object.entries(xattrs ?? {});
  return {
    ...shownAttributes(file.path, file.entry),
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
