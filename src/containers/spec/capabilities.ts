import { readFileSync } from "node:fs";
import { EngineError, ErrorCode } from "#errors";

/** linux/capability.h, in the order of their numbers. */
const ALL: readonly string[] = `
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
  SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
  MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`
  .trim()
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

/** What a container has unless told otherwise, in Docker's order. */
const DEFAULT: readonly string[] = `
  CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
  AUDIT_WRITE`
  .trim()
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

/** Nobody can give what he has not: an engine in a container, or a kernel that lacks the newest ones. */
function available(): readonly string[] {
  const [, hex = "0"] = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
  const bits = BigInt(`0x${hex}`);
  return ALL.filter((_, number) => ((bits >> BigInt(number)) & 1n) === 1n);
}

/** Names of the bounding set as the kernel has them: bit by number. */
export function capabilityBits(names: readonly string[]): bigint {
  return names.reduce((bits, name) => bits | (1n << BigInt(ALL.indexOf(name))), 0n);
}

function normalise(option: string, names: readonly string[]): readonly string[] {
  return names.map((name) => {
    const upper = name.toUpperCase();
    if (upper === "ALL") return upper;
    const whole = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    if (ALL.includes(whole)) return whole;
    const message = `invalid ${option}: unknown capability: ${JSON.stringify(whole)}`;
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
  });
}

/**
 * The bounding set of a container. `ALL` stands for every capability; what is added by name wins over a drop of `ALL`,
 * what is dropped by name over an add of `ALL`.
 * @throws {invalid_argument} for a name that Linux does not have.
 */
export function resolveCapabilities(request: {
  readonly privileged: boolean;
  readonly add: readonly string[];
  readonly drop: readonly string[];
}): readonly string[] {
  const add = normalise("CapAdd", request.add);
  const drop = normalise("CapDrop", request.drop);
  if (request.privileged) return available();
  if (add.includes("ALL")) return available().filter((name) => !drop.includes(name));
  const base = drop.includes("ALL") ? [] : DEFAULT.filter((name) => !drop.includes(name));
  return [...base, ...add.filter((name) => !base.includes(name))];
}
