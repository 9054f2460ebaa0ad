import { posix } from "node:path";
import type { TarHeader, TarMemberSource } from "#tar";
import type { ImageFile, ImageFiles } from "./imageFiles.ts";

const CAPABILITY = "security.capability";

/** What `docker cp` says of its source. */
export interface ArchivedFile {
  /** First name in the archive. */
  readonly name: string;
  readonly isFolder: boolean;
}

/** The last part of a path as it names an archive: "/" for the root, "." for `x/.`. */
function archiveName(path: string): string {
  if (path === "." || path.endsWith("/.")) return ".";
  const clean = posix.join("/", path).replace(/(?<=.)\/$/, "");
  return clean === "/" ? "/" : posix.basename(clean);
}

/**
 * A file or a directory with all below it as `docker cp` has it from a container: names below the last part of `path`, sorted,
 * of attributes only file capabilities. A symlink at the end is archived itself unless `path` ends with "/".
 * @throws {not_found}
 */
export function archiveFiles(
  files: ImageFiles,
  path: string,
): { readonly archived: ArchivedFile; readonly members: AsyncIterable<TarMemberSource> } {
  const source = files.require(path, { follow: path.endsWith("/") });
  const name = archiveName(path);
  const isFolder = source.entry.type === "directory";
  return { archived: { name, isFolder }, members: membersOf(files, source, name) };
}

async function* membersOf(files: ImageFiles, source: ImageFile, name: string): AsyncGenerator<TarMemberSource> {
  const linked = new Map<string, string>();
  if (source.entry.type !== "directory") {
    yield memberOf(files, source, name, linked);
    return;
  }
  const prefix = name === "/" ? "/" : `${name}/`;
  yield { header: headerOf(source, prefix) };
  const skip = source.path === "" ? 0 : source.path.length + 1;
  for (const file of files.walk(source)) yield memberOf(files, file, prefix + file.path.slice(skip), linked);
}

function memberOf(files: ImageFiles, file: ImageFile, as: string, linked: Map<string, string>): TarMemberSource {
  const { entry } = file;
  const header = headerOf(file, as);
  switch (entry.type) {
    case "symlink":
      return { header: { ...header, linkPath: entry.target ?? "" } };
    case "char":
    case "block":
      return { header: { ...header, deviceMajor: entry.device?.major ?? 0, deviceMinor: entry.device?.minor ?? 0 } };
    case "file": {
      const { layer, path } = files.placeOf(file);
      const place = `${layer}:${path}`;
      const first = linked.get(place);
      if (first !== undefined) return { header: { ...header, type: "hardlink", linkPath: first } };
      linked.set(place, as);
      const capability = entry.xattrs?.[CAPABILITY];
      const xattrs = capability === undefined ? {} : { xattrs: new Map([[CAPABILITY, capability]]) };
      return { header: { ...header, size: entry.size, ...xattrs }, body: entry.size === 0 ? [] : files.read(file) };
    }
    case "directory":
    case "fifo":
      return { header };
  }
}

function headerOf({ entry }: ImageFile, path: string): TarHeader {
  const { type, mode, uid, gid, mtimeSeconds } = entry;
  return { path, type, mode, uid, gid, mtimeSeconds };
}
