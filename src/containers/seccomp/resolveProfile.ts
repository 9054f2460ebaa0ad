import { isAtLeast } from "#host";
import type { KernelRelease, SeccompProfile, SeccompRule } from "#host";
import { DEFAULT_RULES } from "./defaultProfile.ts";
import type { ProfileRule, RuleCondition } from "./defaultProfile.ts";

/** What a profile is resolved for. */
export interface SeccompTarget {
  /** The container's bounding set, `CAP_SYS_ADMIN` … */
  readonly capabilities: readonly string[];
  /** Node's name: `x64`, `arm64`. */
  readonly architecture: string;
  readonly kernel: KernelRelease;
}

const EPERM = 1;

/** A 64-bit kernel also takes its 32-bit sisters' calls: each needs the filter. */
const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  x64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  arm64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
};

function applies(when: RuleCondition | undefined, target: SeccompTarget): boolean {
  if (when === undefined) return true;
  const has = (capability: string): boolean => target.capabilities.includes(capability);
  return (
    (when.capability === undefined || has(when.capability)) &&
    (when.withoutCapability === undefined || !has(when.withoutCapability)) &&
    (when.architectures === undefined || when.architectures.includes(target.architecture)) &&
    (when.minKernel === undefined || isAtLeast(target.kernel, when.minKernel))
  );
}

function toRule({ names, action = "SCMP_ACT_ALLOW", errnoRet, args }: ProfileRule): SeccompRule {
  return {
    names: names.trim().split(/\s+/),
    action,
    ...(errnoRet === undefined ? {} : { errnoRet }),
    ...(args === undefined ? {} : { args }),
  };
}

/** Docker's default profile for a container, as `linux.seccomp`. */
export function resolveDefaultProfile(target: SeccompTarget): SeccompProfile {
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: ARCHITECTURES[target.architecture] ?? [],
    syscalls: DEFAULT_RULES.filter(({ when }) => applies(when, target)).map(toRule),
  };
}
