/**
 * Linux numbers that Node does not name. Values are the kernel's uapi, equal on every architecture unless a table says
 * otherwise. @see https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/include/uapi
 */

type SyscallNumbers = Readonly<
  Record<
    | "mknodat"
    | "pivot_root"
    | "move_mount"
    | "fsopen"
    | "fsconfig"
    | "fsmount"
    | "pidfd_open"
    | "close_range"
    | "openat2",
    number
  >
>;

/** include/uapi/asm-generic/unistd.h and arch/x86/entry/syscalls/syscall_64.tbl; numbers from 424 on are the same everywhere. */
const MKNODAT: Readonly<Record<string, number>> = { x64: 259, arm64: 33 };
const PIVOT_ROOT: Readonly<Record<string, number>> = { x64: 155, arm64: 41 };

export const SYS: SyscallNumbers = {
  mknodat: MKNODAT[process.arch] ?? -1,
  pivot_root: PIVOT_ROOT[process.arch] ?? -1,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  pidfd_open: 434,
  close_range: 436,
  openat2: 437,
};

/** linux/fcntl.h */
export const AT = { FDCWD: -100, SYMLINK_NOFOLLOW: 0x100, EMPTY_PATH: 0x1000 } as const;
export const RENAME_NOREPLACE = 1;

/** asm-generic/fcntl.h; O_CLOEXEC and O_PATH are equal on x86_64 and aarch64. */
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

/** linux/mount.h: mount(2), umount2(2), fsopen(2) family. */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  REMOUNT: 32,
  MANDLOCK: 64,
  DIRSYNC: 128,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  REC: 16384,
  UNBINDABLE: 0x20000,
  PRIVATE: 0x40000,
  SLAVE: 0x80000,
  SHARED: 0x100000,
  RELATIME: 0x200000,
  STRICTATIME: 0x1000000,
} as const;
export const UMOUNT = { DETACH: 2, NOFOLLOW: 8 } as const;
export const FSOPEN_CLOEXEC = 1;
export const FSCONFIG = { SET_FLAG: 0, SET_STRING: 1, CMD_CREATE: 6 } as const;
export const FSMOUNT_CLOEXEC = 1;
export const MOUNT_ATTR_RDONLY = 1;
export const MOVE_MOUNT_F_EMPTY_PATH = 4;
/** mount(2) takes one page of options and cuts the rest off without an error (fs/namespace.c, copy_mount_options). */
export const MOUNT_OPTIONS_LIMIT = 4096;

/** linux/loop.h: ioctls, and struct loop_config (u32 fd, u32 block_size, loop_info64 at 8, 64 bytes reserved). */
export const LOOP = {
  CTL_GET_FREE: 0x4c82,
  CONFIGURE: 0x4c0a,
  MAJOR: 7,
  CONFIG_BYTES: 304,
  CONFIG_FD: 0,
  CONFIG_BLOCK_SIZE: 4,
  /** loop_info64 at 8, lo_flags at 52 within it */
  CONFIG_FLAGS: 60,
  FLAG_READ_ONLY: 1,
  FLAG_AUTOCLEAR: 4,
} as const;

/** asm-generic/fcntl.h, sys/file.h */
export const LOCK = { EX: 2, NB: 4 } as const;

/** linux/openat2.h: struct open_how is three u64. */
export const OPEN_HOW_BYTES = 24;
export const RESOLVE = { NO_MAGICLINKS: 0x02, NO_SYMLINKS: 0x04, BENEATH: 0x08, IN_ROOT: 0x10 } as const;

/** linux/sched.h */
export const CLONE_NEWNS = 0x20000;

/** linux/falloc.h, linux/fs.h */
export const FALLOC = { KEEP_SIZE: 1, PUNCH_HOLE: 2 } as const;
export const SEEK = { DATA: 3, HOLE: 4 } as const;

/** linux/close_range.h; fds behind the standard streams. */
export const CLOSE_RANGE_CLOEXEC = 4;
export const FIRST_FREE_FD = 3;
export const LAST_FD = 0xffffffff;

/** linux/prctl.h, linux/wait.h */
export const PR_SET_CHILD_SUBREAPER = 36;
export const WAIT = { P_PID: 1, WNOHANG: 1, WEXITED: 4 } as const;
/** siginfo_t of waitid: si_pid, si_code (CLD_EXITED = 1), si_status. */
export const SIGINFO = { BYTES: 128, CODE: 8, PID: 16, STATUS: 24, CLD_EXITED: 1 } as const;

/** bits/socket.h; struct sockaddr_un is u16 family and 108 bytes of path. */
export const SOCKET = {
  AF_UNIX: 1,
  DGRAM: 2,
  SEQPACKET: 5,
  NONBLOCK: 0o4000,
  CLOEXEC: 0o2000000,
  PATH_BYTES: 108,
} as const;
/** linux/socket.h: flags of send(2). */
export const MSG = { DONTWAIT: 0x40, NOSIGNAL: 0x4000 } as const;

/** struct mmsghdr on 64-bit, its msghdr's vectors and their number; struct iovec. */
export const MMSG = { BYTES: 64, VECTORS: 16, LENGTH: 56, VECTOR_BYTES: 16 } as const;

/** struct timespec on 64-bit: i64 seconds, i64 nanoseconds. */
export const TIMESPEC_BYTES = 16;
/** linux/stat.h: utimensat leaves this time as it is. */
export const UTIME_OMIT: bigint = (1n << 30n) - 2n;

/** linux/netlink.h, bits/socket.h: struct sockaddr_nl is u16 family, u16 pad, u32 pid, u32 groups. */
export const NETLINK = {
  AF: 16,
  ROUTE: 0,
  NETFILTER: 12,
  RAW: 3,
  HEADER_BYTES: 16,
  /** Room for one answer; the kernel's dumps come in pieces of at most 32 KiB. */
  BUFFER_BYTES: 65_536,
  ERROR: 2,
  DONE: 3,
  REQUEST: 1,
  MULTI: 2,
  ACK: 4,
  EXCL: 0x200,
  CREATE: 0x400,
  DUMP: 0x300,
  /** setsockopt(SOL_NETLINK): answers to failed requests leave the request out; text of the failure comes along. */
  SOL: 270,
  CAP_ACK: 10,
} as const;

/** linux/netfilter/nfnetlink.h and nfnetlink_conntrack.h */
export const CONNTRACK = {
  SUBSYSTEM: 0x100,
  GET: 1,
  DELETE: 2,
  HEADER_BYTES: 4,
  /** NLA_F_NESTED */
  NESTED: 0x8000,
  TUPLE_ORIG: 1,
  TUPLE_REPLY: 2,
  ID: 12,
  TUPLE_IP: 1,
  TUPLE_PROTO: 2,
  IP_V4_SRC: 1,
  IP_V6_SRC: 3,
  PROTO_NUM: 1,
  PROTO_SRC_PORT: 2,
  PROTO_DST_PORT: 3,
  /** IPPROTO_UDP */
  UDP: 17,
} as const;

/** linux/rtnetlink.h: message types. */
export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  SETLINK: 19,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
} as const;

/** linux/if_link.h */
export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  MASTER: 10,
  PROTINFO: 12,
  LINKINFO: 18,
  NET_NS_FD: 28,
  INFO_KIND: 1,
  INFO_DATA: 2,
  LINK: 5,
  VETH_PEER: 1,
  BRPORT_MODE: 4,
  BRPORT_ISOLATED: 33,
  MACVLAN_MODE: 1,
  IPVLAN_MODE: 1,
  IPVLAN_FLAGS: 2,
  VLAN_ID: 1,
} as const;
/** Attributes that hold others, where the kernel wants to be told. */
export const NLA_F_NESTED = 0x8000;

/** linux/if_addr.h, linux/rtnetlink.h */
export const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4, FLAG_NODAD: 2 } as const;
export const RTA = { DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, PREFSRC: 7 } as const;
export const ROUTE = { TABLE_MAIN: 254, PROTOCOL_BOOT: 3, SCOPE_UNIVERSE: 0, SCOPE_LINK: 253, UNICAST: 1 } as const;

/** linux/if.h, bits/socket.h */
export const IFF_UP = 1;
export const FAMILY = { INET: 2, INET6: 10, BRIDGE: 7 } as const;
/** bits/socket.h; struct sockaddr_in is u16 family, u16 port and u32 address in network order. */
export const STREAM = 1;
export const DGRAM = 2;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;

/** linux/sched.h */
export const CLONE_NEWNET = 0x40000000;

/** glibc spawn.h; its structs are 80 and 336 bytes on 64-bit machines, ours are ample. */
export const POSIX_SPAWN = {
  ATTRIBUTE_BYTES: 512,
  ACTIONS_BYTES: 256,
  SIGSET_BYTES: 128,
  SETSIGDEF: 0x04,
  SETSIGMASK: 0x08,
  SETSID: 0x80,
} as const;

/** linux/memfd.h, linux/fcntl.h: seal, shrink, grow, write */
export const MEMFD = { CLOEXEC: 1, ALLOW_SEALING: 2, F_ADD_SEALS: 1033, ALL_SEALS: 0xf } as const;

/** What `spawnInside` calls the kernel with: linux/sched.h, prctl.h, seccomp.h, capability.h, keyctl.h, fcntl.h. */
export const INSIDE = {
  /** struct clone_args: flags at 0, cgroup at 80. */
  CLONE_ARGS_BYTES: 88,
  CLONE_ARGS_CGROUP: 80,
  CLONE_PARENT: 0x8000,
  CLONE_PARENT_SETTID: 0x100000,
  CLONE_INTO_CGROUP: 0x200000000,
  SIGCHLD: 17,
  /** NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWPID, NEWNET */
  NAMESPACES: 0x6e020000,
  ANY_FD: 0xffffffff,
  F_SETFD: 2,
  FD_CLOEXEC: 1,
  PR_SET_DUMPABLE: 4,
  PR_SET_KEEPCAPS: 8,
  PR_CAPBSET_DROP: 24,
  PR_SET_NO_NEW_PRIVS: 38,
  PR_CAP_AMBIENT: 47,
  PR_CAP_AMBIENT_CLEAR_ALL: 4,
  CAPABILITY_VERSION_3: 0x20080522,
  KEYCTL_JOIN_SESSION_KEYRING: 1,
  SECCOMP_SET_MODE_FILTER: 1,
  /** As every runtime: without, the kernel slows each filtered program down by speculation's mitigations. */
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SOCK_FILTER_BYTES: 8,
} as const;

/** asm-generic/ioctls.h and linux/magic.h: pseudo-terminals. */
export const TERMINAL = {
  TIOCSCTTY: 0x540e,
  TIOCSWINSZ: 0x5414,
  TIOCSPTLCK: 0x40045431,
  TIOCGPTPEER: 0x5441,
  DEVPTS_MAGIC: 0x1cd1,
  /** struct winsize: rows, columns, and two that nobody uses. */
  WINSIZE_BYTES: 8,
  /** /dev/ptmx, as fstat(2) has it. */
  PTMX: 0x502,
} as const;
