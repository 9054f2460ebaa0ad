import type { MergedView, ViewEntry } from "#layers";
import { opaquePath, whiteoutPath, writeTarStream } from "#tar";
import type { TarHeader, TarMemberSource } from "#tar";

/** Turns of the event loop are given after so many names without bytes. */
const NAMES_AT_ONCE = 256;

/**
 * What the layers from index `from` up do, as the tar of one layer. Hard links into lower layers come first: a link means the
 * file that is there when it is read, and the same changeset may replace that file.
 */
export function changesTar(view: MergedView, from: number, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  return writeTarStream(membersOf(view, from, signal));
}

async function* membersOf(
  view: MergedView,
  from: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<TarMemberSource, void, void> {
  for (const change of from === 0 ? [] : view.changes(from)) {
    if (change.kind === "lowerHardlink") {
      yield { header: { path: change.path, type: "hardlink", linkPath: change.target } };
    }
  }
  const firstNames = new Map<string, string>();
  let names = 0;
  for (const change of view.changes(from)) {
    names += 1;
    if (names % NAMES_AT_ONCE === 0) {
      await new Promise(setImmediate);
      signal?.throwIfAborted();
    }
    if (change.kind === "whiteout") yield { header: { path: whiteoutPath(change.path), type: "file" } };
    else if (change.kind === "opaque") yield { header: { path: opaquePath(change.path), type: "file" } };
    else if (change.kind === "entry") yield memberOf(view, change.entry, firstNames, signal);
  }
}

function memberOf(
  view: MergedView,
  entry: ViewEntry,
  firstNames: Map<string, string>,
  signal: AbortSignal | undefined,
): TarMemberSource {
  const { stat } = entry;
  const header = headerOf(view, entry);
  if (stat.type !== "directory") {
    // Not by its link count: a layer above may have given it one more name.
    const inode = `${entry.layer}:${stat.nid}`;
    const first = firstNames.get(inode);
    if (first !== undefined) return { header: { ...header, type: "hardlink", linkPath: first, size: 0 } };
    firstNames.set(inode, entry.path);
  }
  if (stat.type !== "file") return { header };
  return { header, body: view.readFile(entry, signal === undefined ? {} : { signal }) };
}

function headerOf(view: MergedView, entry: ViewEntry): TarHeader {
  const { type, mode, uid, gid, size, mtimeSeconds, mtimeNanoseconds, device } = entry.stat;
  const xattrs = view.xattrs(entry);
  return {
    path: entry.path === "" ? "./" : entry.path,
    type,
    mode,
    uid,
    gid,
    mtimeSeconds,
    mtimeNanoseconds,
    ...(type === "file" ? { size } : {}),
    ...(type === "symlink" ? { linkPath: view.readlink(entry) } : {}),
    ...(type === "char" || type === "block" ? { deviceMajor: device.major, deviceMinor: device.minor } : {}),
    ...(xattrs.size === 0 ? {} : { xattrs }),
  };
}
