import type { TarEntry } from "#tar";
import { layerLimit } from "./erofsError.ts";
import { isValidPosixAcl } from "./posixAcl.ts";
import { isStorableXattr, xattrLimit } from "./xattrs.ts";
import type { Xattrs } from "./xattrs.ts";

const OVERLAY_PREFIXES = ["trusted.overlay.", "user.overlay."];
const ACCESS_ACL = "system.posix_acl_access";
const DEFAULT_ACL = "system.posix_acl_default";

/** Why an attribute is left out; undefined if it is kept. */
function reasonToDrop(name: string, value: Uint8Array, type: TarEntry["type"]): string | undefined {
  if (!isStorableXattr(name)) return "EROFS has no such namespace";
  // An image must not speak to overlayfs: redirects and metacopies would reach into other layers.
  if (OVERLAY_PREFIXES.some((prefix) => name.startsWith(prefix))) return "it belongs to overlayfs";
  if (name !== ACCESS_ACL && name !== DEFAULT_ACL) return undefined;
  if (!isValidPosixAcl(value)) return "not a valid ACL";
  if (type === "symlink") return "a symlink has no ACL";
  return name === DEFAULT_ACL && type !== "directory" ? "only a directory has a default ACL" : undefined;
}

/**
 * The attributes of an entry that its inode will hold; the given map itself if it can hold all. `drop` is told of each
 * one left out.
 * @throws {resource_exhausted} LAYER_LIMIT when the rest is more than kernel or format hold
 */
export function entryXattrs(entry: TarEntry, drop: (name: string, reason: string) => void): Xattrs | undefined {
  const { xattrs } = entry;
  if (xattrs === undefined || xattrs.size === 0) return undefined;
  let kept: Map<string, Uint8Array> | undefined;
  for (const [name, value] of xattrs) {
    const reason = reasonToDrop(name, value, entry.type);
    if (reason === undefined) continue;
    kept ??= new Map(xattrs);
    kept.delete(name);
    drop(name, reason);
  }
  const result = kept ?? xattrs;
  const limit = xattrLimit(result);
  if (limit !== undefined) throw layerLimit(`extended attributes: ${limit}`);
  return result.size === 0 ? undefined : result;
}
