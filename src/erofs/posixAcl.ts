/** POSIX ACLs as the kernel keeps them in an attribute: u32 version 2, then entries {u16 tag, u16 permissions, u32 id}. */
const VERSION = 2;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;

/** Tags in the order in which the kernel wants them. @see include/uapi/linux/posix_acl.h */
const USER_OBJ = 0x01;
const USER = 0x02;
const GROUP_OBJ = 0x04;
const GROUP = 0x08;
const MASK = 0x10;
const OTHER = 0x20;
const TAGS: readonly number[] = [USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER];
const PERMISSION_BITS = 7;

/**
 * True if `posix_acl_valid` of the kernel would take the value. EROFS does not check at setxattr time, so a bad value
 * would make every access to its file fail; a filesystem refuses it when a tar is unpacked.
 */
export function isValidPosixAcl(value: Uint8Array): boolean {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < HEADER_BYTES || (value.length - HEADER_BYTES) % ENTRY_BYTES !== 0) return false;
  if (view.getUint32(0, true) !== VERSION) return false;
  const seen = new Map<number, number>();
  let rank = 0;
  for (let at = HEADER_BYTES; at < value.length; at += ENTRY_BYTES) {
    const tag = view.getUint16(at, true);
    const next = TAGS.indexOf(tag);
    if (next < rank || view.getUint16(at + 2, true) > PERMISSION_BITS) return false;
    rank = next;
    seen.set(tag, (seen.get(tag) ?? 0) + 1);
  }
  return hasNeededTags(seen);
}

function hasNeededTags(seen: ReadonlyMap<number, number>): boolean {
  const count = (tag: number): number => seen.get(tag) ?? 0;
  const owners = [USER_OBJ, GROUP_OBJ, OTHER].every((tag) => count(tag) === 1);
  const needsMask = count(USER) + count(GROUP) > 0;
  return owners && count(MASK) <= 1 && (!needsMask || count(MASK) === 1);
}
