import type { Isolated, SpecInput } from "../spec/runtimeSpec.ts";
import { buildRuntimeSpec, withoutEmptyHome } from "../spec/runtimeSpec.ts";
import type { OciMount, OciSpec, OciUser } from "../spec/ociSpec.ts";
import { mergeConfig } from "../request/containerConfig.ts";
import { parseHostConfig } from "../request/hostConfig.ts";
import type { EtcFiles } from "../rootfs/etcFiles.ts";
import { homeOf } from "../rootfs/userLookup.ts";
import type { AccountFiles } from "../rootfs/userLookup.ts";
import type { StepCall } from "./stepRunner.ts";

/** A step as the container that it would be. */
export function stepDocument(id: string, { process, isolation, limits }: StepCall): Isolated {
  const hostConfig = parseHostConfig({
    NetworkMode: isolation.network,
    Privileged: isolation.insecure,
    ShmSize: limits.shmSize ?? 0,
    Ulimits: limits.ulimits ?? [],
    CgroupParent: limits.cgroupParent ?? "",
    Memory: limits.memory ?? 0,
    MemorySwap: limits.memorySwap ?? 0,
    CpuShares: limits.cpuShares ?? 0,
    CpuPeriod: limits.cpuPeriod ?? 0,
    CpuQuota: limits.cpuQuota ?? 0,
    CpusetCpus: limits.cpusetCpus ?? "",
    CpusetMems: limits.cpusetMems ?? "",
  });
  const config = mergeConfig({ Image: "", Cmd: [...process.arguments] }, {}, isolation.hostname);
  return { id, config: { ...config, WorkingDir: process.workingDirectory }, hostConfig };
}

const ETC_OPTIONS = ["rbind", "ro", "nosuid", "noexec", "nodev", "rprivate"] as const;

/** What a step's spec is made of beside the step. */
export interface StepSpecInput {
  readonly document: Isolated;
  readonly rootfs: string;
  readonly etc: EtcFiles;
  readonly mounts: readonly OciMount[];
  readonly user: OciUser;
  readonly accounts: AccountFiles;
  readonly networkNamespace: string | undefined;
  readonly appArmor?: string | undefined;
  readonly seccomp: NonNullable<SpecInput["seccomp"]>;
}

function isReadOnlyEtc({ destination }: OciMount, etc: EtcFiles, source: string): boolean {
  return (destination === "/etc/hosts" && source === etc.hosts) || source === etc.resolvConf;
}

/**
 * The runtime configuration of a step: a container's, but with its own environment alone, no settings of the kernel, and of
 * the files of /etc only hosts and resolv.conf, which it cannot change.
 */
export function stepSpec(call: StepCall, input: StepSpecInput): OciSpec {
  const { networkNamespace, ...rest } = input;
  const { document, etc } = rest;
  const spec = buildRuntimeSpec({ ...rest, ...(networkNamespace === undefined ? {} : { networkNamespace }) });
  const environment = withoutEmptyHome(call.process.environment);
  const hasHome = environment.some((variable) => variable.startsWith("HOME="));
  const { sysctl: _sysctl, ...linux } = spec.linux;
  return {
    ...spec,
    hostname: document.config.Hostname,
    process: {
      ...spec.process,
      env: hasHome ? environment : [...environment, `HOME=${homeOf(input.user.uid, input.accounts)}`],
    },
    mounts: spec.mounts
      .filter(({ source }) => source !== etc.hostname)
      .map((mount) => (isReadOnlyEtc(mount, etc, mount.source) ? { ...mount, options: ETC_OPTIONS } : mount)),
    linux,
  };
}
