import type { MergedView, ViewEntry } from "#layers";
import { writeTarStream } from "#tar";
import type { TarHeader, TarMemberSource } from "#tar";
import type { FixupInode, FixupPlan } from "./fixup.ts";

/** The fixup as a tar, read from the view as it goes; the same plan gives the same bytes. */
export function fixupTar(plan: FixupPlan, view: MergedView): AsyncIterable<Uint8Array> {
  return writeTarStream(members(plan, view));
}

function* members(plan: FixupPlan, view: MergedView): Generator<TarMemberSource> {
  for (const entry of plan.directories) yield { header: headerOf(view, entry, entry.path) };
  for (const inode of plan.inodes) yield* inodeMembers(view, inode);
}

function* inodeMembers(view: MergedView, { entry, paths }: FixupInode): Generator<TarMemberSource> {
  const [first = entry.path, ...links] = paths;
  const header = headerOf(view, entry, first);
  yield entry.stat.type === "file" ? { header, body: view.readFile(entry) } : { header };
  for (const path of links) yield { header: { path, type: "hardlink", linkPath: first } };
}

function headerOf(view: MergedView, entry: ViewEntry, path: string): TarHeader {
  const { type, mode, uid, gid, size, mtimeSeconds, mtimeNanoseconds, device } = entry.stat;
  return {
    path: path === "" ? "./" : path,
    type,
    mode,
    uid,
    gid,
    size,
    mtimeSeconds,
    mtimeNanoseconds,
    linkPath: type === "symlink" ? view.readlink(entry) : "",
    deviceMajor: device.major,
    deviceMinor: device.minor,
    xattrs: view.xattrs(entry),
  };
}
