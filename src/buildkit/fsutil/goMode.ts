/** Go's os.FileMode, which fsutil has on the wire. @see pkg.go.dev/io/fs FileMode */
const GO = {
  DIR: 0x8000_0000,
  SYMLINK: 0x0800_0000,
  DEVICE: 0x0400_0000,
  PIPE: 0x0200_0000,
  SOCKET: 0x0100_0000,
  SETUID: 0x0080_0000,
  SETGID: 0x0040_0000,
  CHAR: 0x0020_0000,
  STICKY: 0x0010_0000,
  IRREGULAR: 0x0008_0000,
} as const;

/** st_mode's types. @see inode(7) */
export const FileType = {
  MASK: 0o170000,
  SOCKET: 0o140000,
  SYMLINK: 0o120000,
  REGULAR: 0o100000,
  BLOCK: 0o060000,
  DIR: 0o040000,
  CHAR: 0o020000,
  PIPE: 0o010000,
} as const;

function has(mode: number, bit: number): boolean {
  return (mode & bit) !== 0;
}

/** Go's mode → st_mode; undefined for a type that no filesystem keeps. */
export function toPosixMode(mode: number): number | undefined {
  const permissions =
    (mode & 0o777) |
    (has(mode, GO.SETUID) ? 0o4000 : 0) |
    (has(mode, GO.SETGID) ? 0o2000 : 0) |
    (has(mode, GO.STICKY) ? 0o1000 : 0);
  if (has(mode, GO.DIR)) return FileType.DIR | permissions;
  if (has(mode, GO.SYMLINK)) return FileType.SYMLINK | permissions;
  if (has(mode, GO.DEVICE)) return (has(mode, GO.CHAR) ? FileType.CHAR : FileType.BLOCK) | permissions;
  if (has(mode, GO.PIPE)) return FileType.PIPE | permissions;
  if (has(mode, GO.SOCKET | GO.IRREGULAR | GO.CHAR)) return undefined;
  return FileType.REGULAR | permissions;
}

const TYPE_BITS: Readonly<Record<number, number>> = {
  [FileType.SOCKET]: GO.SOCKET,
  [FileType.SYMLINK]: GO.SYMLINK,
  [FileType.BLOCK]: GO.DEVICE,
  [FileType.DIR]: GO.DIR,
  [FileType.CHAR]: GO.DEVICE | GO.CHAR,
  [FileType.PIPE]: GO.PIPE,
};

/** st_mode → Go's mode. */
export function toGoMode(mode: number): number {
  const special =
    (has(mode, 0o4000) ? GO.SETUID : 0) | (has(mode, 0o2000) ? GO.SETGID : 0) | (has(mode, 0o1000) ? GO.STICKY : 0);
  return ((mode & 0o777) | special | (TYPE_BITS[mode & FileType.MASK] ?? 0)) >>> 0;
}
