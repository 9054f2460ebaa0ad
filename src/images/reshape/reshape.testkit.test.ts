/** Stacks of layers made by code, and what a container would see of them. Named as a test so that it is exempt from what ships. */
import { createHash } from "node:crypto";
import { TAR_END, encodeTarHeader, tarPadding } from "#tar";
import type { TarHeader } from "#tar";
import type { LayerStore, MergedView } from "#layers";
import type { DiffId } from "#oci";

export type Member = TarHeader & { readonly data?: string };

export function tarOf(members: readonly Member[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { data, ...header } of members) {
    const body = Buffer.from(header.type === "file" ? (data ?? "") : "");
    parts.push(encodeTarHeader({ mode: 0o644, ...header, size: body.length }), body, tarPadding(body.length));
  }
  return Buffer.concat([...parts, TAR_END]);
}

export async function addLayer(store: LayerStore, tar: Uint8Array | AsyncIterable<Uint8Array>): Promise<DiffId> {
  await using writer = await store.ingestTar();
  for await (const chunk of tar instanceof Uint8Array ? [tar] : tar) await writer.write(chunk);
  return (await writer.commit()).layer.diffId;
}

/** Everything that a container could tell: attributes to the nanosecond, bytes, which names are one file. */
export async function factsOf(view: MergedView): Promise<readonly string[]> {
  const facts: string[] = [];
  const inodes = new Map<string, string>();
  for (const entry of view.walk()) {
    const { type, mode, uid, gid, size, mtimeSeconds, mtimeNanoseconds, device, nid } = entry.stat;
    const inode = `${entry.layer}:${nid}`;
    const first = inodes.get(inode) ?? entry.path;
    inodes.set(inode, first);
    const content = createHash("sha256");
    if (type === "file") for await (const chunk of view.readFile(entry)) content.update(chunk);
    const xattrs = [...view.xattrs(entry)].map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`);
    facts.push(
      [
        `/${entry.path}`,
        type,
        mode.toString(8),
        `${uid}:${gid}`,
        `${mtimeSeconds}.${mtimeNanoseconds}`,
        `${device.major}:${device.minor}`,
        type === "file" ? `${size} ${content.digest("hex").slice(0, 12)}` : "",
        type === "symlink" ? view.readlink(entry) : "",
        first !== entry.path ? `one with /${first}` : "",
        xattrs.sort((a, b) => (a < b ? -1 : 1)).join(),
      ].join(" "),
    );
  }
  return facts;
}
