import { closeSync, readFileSync } from "node:fs";
import { EngineError, ErrorCode } from "#errors";
import { cPath } from "./cPath.ts";
import { nativeFunction } from "./libc.ts";
import { checked } from "./syscallError.ts";

/** `linux.seccomp` of the OCI runtime spec 1.0.2, as far as Docker's default profile uses it. */
export interface SeccompProfile {
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet?: number;
  /** `SCMP_ARCH_X86_64` … */
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

export type SeccompAction = "SCMP_ACT_ALLOW" | "SCMP_ACT_ERRNO";

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  readonly errnoRet?: number;
  /** All must hold. */
  readonly args?: readonly SeccompArgument[];
}

export interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: keyof typeof OPERATORS;
}

const LIBRARY = "libseccomp.so.2";

/** seccomp.h, enum scmp_compare */
const OPERATORS = { SCMP_CMP_NE: 1, SCMP_CMP_EQ: 4, SCMP_CMP_MASKED_EQ: 7 } as const;
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const EPERM = 1;
const UNKNOWN_SYSCALL = -1;
const EEXIST = -17;
/**
 * enum scmp_filter_attr: a tree by number of call instead of a chain of comparisons. When a process takes the filter the
 * kernel walks it for every call that there is: 0.28 ms against 0.65.
 */
const CTL_OPTIMIZE = 8;
const BINARY_TREE = 2;
/** struct scmp_arg_cmp: u32 arg, int op, u64 a, u64 b */
const ARGUMENT_BYTES = 24;

const init = nativeFunction<[number]>("uintptr_t seccomp_init(uint32_t)", LIBRARY);
const release = nativeFunction<[number]>("void seccomp_release(uintptr_t)", LIBRARY);
const setAttribute = nativeFunction<[number, number, number]>(
  "int seccomp_attr_set(uintptr_t, int, uint32_t)",
  LIBRARY,
);
const resolveArch = nativeFunction<[Buffer]>("uint32_t seccomp_arch_resolve_name(const void*)", LIBRARY);
const addArch = nativeFunction<[number, number]>("int seccomp_arch_add(uintptr_t, uint32_t)", LIBRARY);
const resolveName = nativeFunction<[Buffer]>("int seccomp_syscall_resolve_name(const void*)", LIBRARY);
const addRule = nativeFunction<[number, number, number, number, Buffer]>(
  "int seccomp_rule_add_array(uintptr_t, uint32_t, int, uint32_t, const void*)",
  LIBRARY,
);
const exportBpf = nativeFunction<[number, number]>("int seccomp_export_bpf(uintptr_t, int)", LIBRARY);
const memfd = nativeFunction<[Buffer, number]>("int memfd_create(const void*, uint32_t)");

function actionNumber(action: SeccompAction, errnoRet = EPERM): number {
  return action === "SCMP_ACT_ALLOW" ? ALLOW : ERRNO | errnoRet;
}

function encodeArguments(args: readonly SeccompArgument[]): Buffer {
  const bytes = Buffer.alloc(Math.max(args.length, 1) * ARGUMENT_BYTES);
  for (const [position, { index, op, value, valueTwo = 0 }] of args.entries()) {
    const at = position * ARGUMENT_BYTES;
    bytes.writeUInt32LE(index, at);
    bytes.writeInt32LE(OPERATORS[op], at + 4);
    bytes.writeBigUInt64LE(BigInt(value), at + 8);
    bytes.writeBigUInt64LE(BigInt(valueTwo), at + 16);
  }
  return bytes;
}

function failed(what: string, result: number): EngineError {
  return new EngineError("internal", ErrorCode.SYSCALL, `libseccomp: ${what}: ${result}`);
}

function addRules(context: number, profile: SeccompProfile, fallback: number): void {
  for (const rule of profile.syscalls) {
    const action = actionNumber(rule.action, rule.errnoRet);
    if (action === fallback) continue;
    const args = encodeArguments(rule.args ?? []);
    for (const name of rule.names) {
      // A name that this libseccomp does not know cannot be told from one that the kernel lacks: the default holds.
      const number = resolveName.call(cPath(name));
      if (number === UNKNOWN_SYSCALL) continue;
      const result = addRule.call(context, action, number, rule.args?.length ?? 0, args);
      if (result < 0 && result !== EEXIST) throw failed(name, result);
    }
  }
}

function readProgram(context: number): Buffer {
  const fd = checked("memfd_create", undefined, memfd.call(cPath("seccomp"), 0));
  try {
    const result = exportBpf.call(context, fd);
    if (result < 0) throw failed("export", result);
    return readFileSync(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

/**
 * A profile as the BPF program that a runtime loads (struct sock_filter[]). About 7 ms on this thread: cache it.
 * Undefined when the host has no libseccomp. @throws {internal} when libseccomp refuses the profile
 */
export function compileSeccomp(profile: SeccompProfile): Buffer | undefined {
  const fallback = actionNumber(profile.defaultAction, profile.defaultErrnoRet);
  let context: number;
  try {
    context = init.call(fallback);
  } catch {
    return undefined; // no such library: the runtime compiles the profile itself
  }
  try {
    setAttribute.call(context, CTL_OPTIMIZE, BINARY_TREE); // before 2.5 there is no such thing: the chain, then
    for (const name of profile.architectures) {
      const arch = resolveArch.call(cPath(name.replace("SCMP_ARCH_", "").toLowerCase()));
      const result = arch === 0 ? 0 : addArch.call(context, arch);
      if (result < 0 && result !== EEXIST) throw failed(name, result);
    }
    addRules(context, profile, fallback);
    return readProgram(context);
  } finally {
    release.call(context);
  }
}
