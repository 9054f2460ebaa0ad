/** As dockerd's: tools ask for it by this name. */
export const DEFAULT_PROFILE = "docker-default";

const TUNABLES = "/etc/apparmor.d/tunables/global";
const BASE = "/etc/apparmor.d/abstractions/base";

/** What a container does not write: the kernel's switches, where they are not its own. */
const PROTECTED = [
  "/proc/* w",
  // Neither a process's directory nor /proc/sys.
  "/proc/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w",
  // Of /proc/sys only kernel/shm*.
  "/proc/sys/[^k]** w",
  "/proc/sys/kernel/{?,??,[^s][^h][^m]**} w",
  "/proc/sysrq-trigger rwklx",
  "/proc/kcore rwklx",
  // Of /sys only fs/cgroup.
  "/sys/[^f]*/** wklx",
  "/sys/f[^s]*/** wklx",
  "/sys/fs/[^c]*/** wklx",
  "/sys/fs/c[^g]*/** wklx",
  "/sys/fs/cg[^r]*/** wklx",
  "/sys/firmware/** rwklx",
  "/sys/kernel/security/** rwklx",
];

/** Who may send signals into a container: what runs it, under the names of its profiles in Debian and Ubuntu. */
const SENDERS = ["unconfined", "crun", "runc"];

/** The policy in AppArmor's language (apparmor.d(5)), the same as dockerd's: all but mounts and the kernel's switches. */
export function profileText(exists: (path: string) => boolean): string {
  const hasBase = exists(TUNABLES) && exists(BASE);
  const rules = [
    ...(hasBase ? ["#include <abstractions/base>"] : []),
    ...["network", "capability", "file", "umount"].map((rule) => `${rule},`),
    ...SENDERS.map((peer) => `signal (receive) peer=${peer},`),
    `signal (send, receive) peer=${DEFAULT_PROFILE},`,
    `ptrace (trace, read, tracedby, readby) peer=${DEFAULT_PROFILE},`,
    "deny mount,",
    ...PROTECTED.map((rule) => `deny ${rule},`),
  ];
  return [
    ...(hasBase ? ["#include <tunables/global>"] : []),
    `profile ${DEFAULT_PROFILE} flags=(attach_disconnected,mediate_deleted) {`,
    ...rules.map((rule) => `  ${rule}`),
    "}",
    "",
  ].join("\n");
}
