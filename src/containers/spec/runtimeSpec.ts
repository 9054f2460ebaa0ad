import { posix } from "node:path";
import { parseSecurityOptions } from "../request/securityOptions.ts";
import { commandOf } from "../request/containerConfig.ts";
import type { HostConfig, Ulimit } from "../request/hostConfig.ts";
import type { ContainerDocument } from "../document.ts";
import type { EtcFiles } from "../rootfs/etcFiles.ts";
import { containerDevices } from "./devices.ts";
import { resolveCapabilities } from "./capabilities.ts";
import { containerMounts, INIT_PATH } from "./mounts.ts";
import { containerNamespaces } from "./namespaces.ts";
import type { JoinedNamespaces } from "./namespaces.ts";
import type { OciLinux, OciMount, OciProcess, OciSpec, OciUser } from "./ociSpec.ts";
import { checkShares, containerResources } from "./resources.ts";
import { containerSysctls } from "./sysctls.ts";

/** What of a container shapes how it is isolated. */
export type Isolated = Pick<ContainerDocument, "id" | "config" | "hostConfig">;

/** What a spec is made of beside the container's own document. */
export interface SpecInput {
  readonly document: Isolated;
  /** Absolute path of the mounted root. */
  readonly rootfs: string;
  readonly etc: EtcFiles;
  /** What the container was created with. */
  readonly mounts: readonly OciMount[];
  readonly rootPropagation?: NonNullable<OciLinux["rootfsPropagation"]>;
  readonly user: OciUser;
  /** Path of the network namespace to join; absent: the host's. */
  readonly networkNamespace?: string;
  /** Namespaces of other containers. */
  readonly joined?: JoinedNamespaces;
  /** The host's directory to show as /dev/shm. */
  readonly sharedMemory?: string;
  /** Variables that tell of linked containers; the config's own replace them. */
  readonly linked?: readonly string[];
  /** The host's program for `--init`. */
  readonly initProgram?: string;
  /** Of containers that ask for none of the same name; absent: none. */
  readonly ulimits?: readonly Ulimit[];
  /** The AppArmor profile; absent: unconfined. */
  readonly appArmor?: string | undefined;
  /** The filter, as the runtime that will read the spec takes it; absent: unconfined. */
  readonly seccomp?: Pick<OciSpec, "annotations"> | Pick<OciLinux, "seccomp">;
}

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const nameOf = (variable: string): string => variable.split("=", 1)[0] ?? "";

/** Variables beside the container's own. */
export interface MoreVariables {
  /** Of linked containers: the config's replace them. */
  readonly linked?: readonly string[];
  /** Replace all others. */
  readonly last?: readonly string[];
}

/** Docker's own variables first, each replaced in place by later ones of its name; an entry without "=" removes one. */
export function environmentOf(
  { config }: Isolated,
  tty: boolean,
  { linked = [], last = [] }: MoreVariables = {},
): readonly string[] {
  const variables = new Map<string, string>();
  const base = [PATH, `HOSTNAME=${config.Hostname}`, ...(tty ? ["TERM=xterm"] : []), ...linked];
  for (const variable of [...base, ...(config.Env ?? []), ...last]) {
    if (variable.includes("=")) variables.set(nameOf(variable), variable);
    else variables.delete(variable);
  }
  return withoutEmptyHome([...variables.values()]);
}

/** An empty HOME is none, as to runc: the user's own takes its place. */
export function withoutEmptyHome(environment: readonly string[]): readonly string[] {
  return environment.filter((variable) => variable !== "HOME=");
}

/** A container's cgroup, the same path in every hierarchy: below `--cgroup-parent`, or ours. */
export function cgroupOf({ id, hostConfig }: Pick<ContainerDocument, "id" | "hostConfig">): string {
  return posix.join("/", hostConfig.CgroupParent || "varve", id);
}

/** The bounding set. @throws {invalid_argument} for a capability that Linux does not have. */
export function capabilitiesOf({ Privileged, CapAdd, CapDrop }: HostConfig): readonly string[] {
  return resolveCapabilities({ privileged: Privileged, add: CapAdd ?? [], drop: CapDrop ?? [] });
}

function rlimitsOf({ Ulimits }: HostConfig, defaults: readonly Ulimit[]): NonNullable<OciProcess["rlimits"]> {
  const named = new Set(Ulimits.map(({ Name }) => Name));
  const limits = [...Ulimits, ...defaults.filter(({ Name }) => !named.has(Name))];
  return limits.map(({ Name, Hard, Soft }) => ({ type: `RLIMIT_${Name.toUpperCase()}`, hard: Hard, soft: Soft }));
}

function ociProcess({ document, user, linked, initProgram, ulimits = [], appArmor }: SpecInput): OciProcess {
  const { config, hostConfig } = document;
  const [height, width] = hostConfig.ConsoleSize;
  const names = capabilitiesOf(hostConfig);
  const rlimits = rlimitsOf(hostConfig, ulimits);
  const command = commandOf(config);
  const { noNewPrivileges } = parseSecurityOptions(hostConfig.SecurityOpt);
  return {
    ...(config.Tty ? { terminal: true } : {}),
    ...(config.Tty && height > 0 && width > 0 ? { consoleSize: { height, width } } : {}),
    user,
    args: initProgram === undefined ? command : [INIT_PATH, "--", ...command],
    env: environmentOf(document, config.Tty, { linked: linked ?? [] }),
    cwd: config.WorkingDir === "" ? "/" : config.WorkingDir,
    capabilities: { bounding: names, effective: names, permitted: names },
    ...(rlimits.length === 0 ? {} : { rlimits }),
    ...(noNewPrivileges ? { noNewPrivileges: true } : {}),
    ...(appArmor === undefined ? {} : { apparmorProfile: appArmor }),
    oomScoreAdj: hostConfig.OomScoreAdj,
  };
}

function ociLinux({ document, joined = {}, networkNamespace, rootPropagation }: SpecInput): OciLinux {
  const devices = containerDevices(document.hostConfig);
  const { hostConfig } = document;
  const network = networkNamespace === undefined ? {} : { network: networkNamespace };
  const sysctl = containerSysctls(document);
  checkShares(hostConfig);
  return {
    ...(Object.keys(sysctl).length === 0 ? {} : { sysctl }),
    resources: containerResources(hostConfig, devices.rules),
    cgroupsPath: cgroupOf(document),
    namespaces: containerNamespaces(hostConfig, { ...joined, ...network }),
    ...(devices.nodes.length === 0 ? {} : { devices: devices.nodes }),
    ...(rootPropagation === undefined ? {} : { rootfsPropagation: rootPropagation }),
    ...(hostConfig.MaskedPaths === null ? {} : { maskedPaths: hostConfig.MaskedPaths }),
    ...(hostConfig.ReadonlyPaths === null ? {} : { readonlyPaths: hostConfig.ReadonlyPaths }),
  };
}

/**
 * The runtime configuration of a container: Docker's default one, changed by what was asked for.
 * @throws {invalid_argument} for an unknown capability.
 */
export function buildRuntimeSpec(input: SpecInput): OciSpec {
  const { document, rootfs, etc, seccomp = {} } = input;
  const { hostConfig } = document;
  const annotations = { ...hostConfig.Annotations, ...("annotations" in seccomp ? seccomp.annotations : {}) };
  return {
    ociVersion: "1.0.2",
    process: ociProcess(input),
    root: { path: rootfs, ...(hostConfig.ReadonlyRootfs ? { readonly: true } : {}) },
    ...(hostConfig.UTSMode === "host" ? {} : { hostname: document.config.Hostname }),
    mounts: containerMounts(hostConfig, etc, { ...input, own: input.mounts }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    linux: { ...ociLinux(input), ...("seccomp" in seccomp && seccomp.seccomp ? { seccomp: seccomp.seccomp } : {}) },
  };
}
