import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { getXattrs } from "#host";

export interface TreeFactsOptions {
  /** Paths (latin1, "" = root) whose modification time is left out. */
  readonly withoutTime?: (path: string) => boolean;
}

/**
 * All that stat, xattrs and content tell of a tree: path (latin1) → one line. Hard links are told by the first name of
 * their group. Overlayfs' own xattrs and ACLs (GNU tar 1.34 restores none) are left out.
 */
export function treeFacts(root: string, options: TreeFactsOptions = {}): Record<string, string> {
  const facts: Record<string, string> = {};
  const groups = new Map<string, string>();
  const visit = (at: Buffer, path: string): void => {
    const stat = lstatSync(at, { bigint: true });
    const fields: Record<string, unknown> = { mode: stat.mode.toString(8), owner: `${stat.uid}:${stat.gid}` };
    if (options.withoutTime?.(path) !== true) fields["mtime"] = stat.mtimeNs;
    if (!stat.isDirectory()) Object.assign(fields, { size: stat.size, nlink: stat.nlink });
    if (stat.isCharacterDevice() || stat.isBlockDevice()) fields["rdev"] = stat.rdev;
    if (stat.isSymbolicLink()) fields["target"] = readlinkSync(at, { encoding: "buffer" }).toString("latin1");
    if (stat.isFile()) fields["sha256"] = createHash("sha256").update(readFileSync(at)).digest("hex");
    if (!stat.isDirectory() && stat.nlink > 1n) {
      const inode = `${stat.dev}:${stat.ino}`;
      groups.set(inode, groups.get(inode) ?? path);
      fields["linked"] = groups.get(inode);
    }
    for (const [name, value] of [...getXattrs(at)].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!name.startsWith("trusted.overlay.") && !name.startsWith("system.posix_acl"))
        fields[name] = value.toString("hex");
    }
    facts[path] = Object.entries(fields)
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(" ");
    if (!stat.isDirectory()) return;
    const names = readdirSync(at, { encoding: "buffer" }).map((name) => name.toString("latin1"));
    for (const name of names.sort()) {
      visit(Buffer.concat([at, Buffer.from(`/${name}`, "latin1")]), path === "" ? name : `${path}/${name}`);
    }
  };
  visit(Buffer.from(root), "");
  return facts;
}
