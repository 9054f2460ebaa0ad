/**
 * Extended attributes, stored inline behind their inode: a 12-byte header, then entries padded to 4 bytes.
 * @see fs/erofs/erofs_fs.h (Linux 6.18): erofs_xattr_ibody_header, erofs_xattr_entry
 */
import { invalidErofs } from "./erofsError.ts";

export type Xattrs = ReadonlyMap<string, Uint8Array>;

export const OPAQUE_XATTR = "trusted.overlay.opaque";
const XATTR_HEADER_BYTES = 12;
const ENTRY_HEADER_BYTES = 4;
/** What the mark of an opaque directory may add to the attributes that a tar brings. */
const OPAQUE_LIST_BYTES = OPAQUE_XATTR.length + 1;
const OPAQUE_ENTRY_BYTES = 20;
/** The inode counts the entries in units of 4 bytes in 16 bits, the header taking one count. */
const MAX_ENTRY_BYTES = 0xfffe * 4 - OPAQUE_ENTRY_BYTES;
/** XATTR_NAME_MAX and XATTR_LIST_MAX of linux/limits.h; the value length has 16 bits. */
const MAX_NAME_BYTES = 255;
const MAX_LIST_BYTES = 65_536 - OPAQUE_LIST_BYTES;
const MAX_VALUE_BYTES = 0xffff;

interface Namespace {
  readonly index: number;
  readonly prefix: string;
  /** The prefix is the whole name. */
  readonly exact: boolean;
}

const NAMESPACES: readonly Namespace[] = [
  { index: 1, prefix: "user.", exact: false },
  { index: 2, prefix: "system.posix_acl_access", exact: true },
  { index: 3, prefix: "system.posix_acl_default", exact: true },
  { index: 4, prefix: "trusted.", exact: false },
  { index: 6, prefix: "security.", exact: false },
];

function namespaceOf(name: string): Namespace | undefined {
  return NAMESPACES.find(({ prefix, exact }) =>
    exact ? name === prefix : name.length > prefix.length && name.startsWith(prefix),
  );
}

/** True if the format has a place for this name; `security.capability` yes, `system.nfs4_acl` no. */
export function isStorableXattr(name: string): boolean {
  return namespaceOf(name) !== undefined && !name.includes("\0");
}

/** Why these attributes do not fit an inode (kernel or format); undefined if they do. */
export function xattrLimit(xattrs: Xattrs): string | undefined {
  let listBytes = 0;
  for (const [name, value] of xattrs) {
    if (name.length > MAX_NAME_BYTES) return `name of ${name.length} bytes, the kernel takes ${MAX_NAME_BYTES}`;
    if (value.length > MAX_VALUE_BYTES) return `${name} has ${value.length} bytes, at most ${MAX_VALUE_BYTES} fit`;
    listBytes += name.length + 1;
  }
  if (listBytes > MAX_LIST_BYTES) return `names of ${listBytes} bytes, the kernel lists ${MAX_LIST_BYTES}`;
  const bytes = xattrBodyBytes(xattrs) - XATTR_HEADER_BYTES;
  return bytes > MAX_ENTRY_BYTES ? `${bytes} bytes in all, at most ${MAX_ENTRY_BYTES} fit` : undefined;
}

function entryBytes(name: string, namespace: Namespace, value: Uint8Array): number {
  return (ENTRY_HEADER_BYTES + name.length - namespace.prefix.length + value.length + 3) & ~3;
}

/** Bytes that {@link writeXattrBody} will take: 0 without attributes. */
export function xattrBodyBytes(xattrs: Xattrs | undefined): number {
  if (xattrs === undefined) return 0;
  let bytes = 0;
  for (const [name, value] of xattrs) {
    const namespace = namespaceOf(name);
    if (namespace !== undefined) bytes += entryBytes(name, namespace, value);
  }
  return bytes === 0 ? 0 : XATTR_HEADER_BYTES + bytes;
}

/** What an inode says of a body of so many bytes. */
export function xattrCount(bodyBytes: number): number {
  return bodyBytes === 0 ? 0 : 1 + (bodyBytes - XATTR_HEADER_BYTES) / 4;
}

/** The inverse of {@link xattrCount}. */
export function xattrBytesOfCount(count: number): number {
  return count === 0 ? 0 : XATTR_HEADER_BYTES + (count - 1) * 4;
}

/** Writes into zeroed `target`; the header stays zero (no name filter, nothing shared). */
export function writeXattrBody(target: Buffer, offset: number, xattrs: Xattrs): void {
  let at = offset + XATTR_HEADER_BYTES;
  for (const [name, value] of xattrs) {
    const namespace = namespaceOf(name);
    if (namespace === undefined) continue;
    const nameBytes = name.length - namespace.prefix.length;
    target[at] = nameBytes;
    target[at + 1] = namespace.index;
    target.writeUInt16LE(value.length, at + 2);
    target.write(name.slice(namespace.prefix.length), at + ENTRY_HEADER_BYTES, "latin1");
    target.set(value, at + ENTRY_HEADER_BYTES + nameBytes);
    at += entryBytes(name, namespace, value);
  }
}

/** Reads a body; values are copies. @throws {data_loss} INVALID_EROFS on anything that the writer never makes */
export function parseXattrBody(body: Buffer): Xattrs {
  const xattrs = new Map<string, Uint8Array>();
  if (body.length === 0) return xattrs;
  if (body[4] !== 0) throw invalidErofs("shared extended attributes are not used here");
  let at = XATTR_HEADER_BYTES;
  while (at < body.length) {
    const namespace = NAMESPACES.find(({ index }) => index === body[at + 1]);
    const nameBytes = body[at] ?? 0;
    const valueStart = at + ENTRY_HEADER_BYTES + nameBytes;
    const end = valueStart + body.readUInt16LE(at + 2);
    if (namespace === undefined || end > body.length) throw invalidErofs("extended attribute out of bounds");
    const name = namespace.prefix + body.toString("latin1", at + ENTRY_HEADER_BYTES, valueStart);
    xattrs.set(name, Uint8Array.from(body.subarray(valueStart, end)));
    at = (end + 3) & ~3;
  }
  return xattrs;
}
