import type { MergedView, ViewEntry } from "#layers";
import type { TarMemberSource } from "#tar";

export interface TreeOptions {
  /** Goes before every path: `linux_amd64/`, or "". */
  readonly prefix: string;
  /** Seconds since 1970: the time of everything. */
  readonly epoch: number | undefined;
}

/** A stack of layers as members of a tar, parents first, names in byte order; a second name of a file is a hard link. */
export function* mergedTree(view: MergedView, { prefix, epoch }: TreeOptions): Generator<TarMemberSource, void, void> {
  const firstNames = new Map<string, string>();
  for (const entry of view.walk()) {
    const { path, stat, layer } = entry;
    if (path === "") continue;
    const first = firstNames.get(`${layer} ${stat.nid}`);
    if (stat.type === "file" && stat.nlink > 1) firstNames.set(`${layer} ${stat.nid}`, path);
    yield memberOf(view, entry, { prefix, epoch, first });
  }
}

function memberOf(
  view: MergedView,
  entry: ViewEntry,
  { prefix, epoch, first }: TreeOptions & { readonly first: string | undefined },
): TarMemberSource {
  const { stat } = entry;
  const common = {
    path: prefix + entry.path,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    mtimeSeconds: epoch ?? stat.mtimeSeconds,
    mtimeNanoseconds: epoch === undefined ? stat.mtimeNanoseconds : 0,
  };
  if (first !== undefined) return { header: { ...common, type: "hardlink", linkPath: prefix + first } };
  const xattrs = view.xattrs(entry);
  const header = { ...common, type: stat.type, ...(xattrs.size === 0 ? {} : { xattrs }) };
  if (stat.type === "file") return { header: { ...header, size: stat.size }, body: view.readFile(entry) };
  if (stat.type === "symlink") return { header: { ...header, linkPath: view.readlink(entry) } };
  return { header: { ...header, deviceMajor: stat.device.major, deviceMinor: stat.device.minor } };
}
