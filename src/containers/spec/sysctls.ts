import { EngineError, ErrorCode } from "#errors";
import { containerOf } from "../request/hostModes.ts";
import { RUNC_FAILED } from "./runtimeWords.ts";
import type { ContainerDocument } from "../document.ts";

/** A new network namespace lets its users bind low ports and ping: both are safe there, neither on the host. */
const NETWORK_DEFAULTS = {
  "net.ipv4.ip_unprivileged_port_start": "0",
  "net.ipv4.ping_group_range": "0 2147483647",
} as const;

/** Of an IPC namespace (ipc_namespaces(7)); and all of `fs.mqueue.`. */
const IPC: ReadonlySet<string> = new Set(
  "msgmax msgmnb msgmni sem shmall shmmax shmmni shm_rmid_forced".split(" ").map((name) => `kernel.${name}`),
);

/** Why the host would feel a setting; undefined when only the container does. */
function objection(name: string, { hostConfig }: Pick<ContainerDocument, "hostConfig">): string | undefined {
  if (IPC.has(name) || name.startsWith("fs.mqueue.")) {
    return hostConfig.IpcMode === "host" ? "is not allowed in the hosts ipc namespace" : undefined;
  }
  if (name.startsWith("net.")) {
    return hostConfig.NetworkMode === "host" ? "not allowed in host network namespace" : undefined;
  }
  if (name === "kernel.domainname" && hostConfig.UTSMode !== "host") return undefined;
  if (name === "kernel.hostname") return 'is not allowed as it conflicts with the OCI "hostname" field';
  return "is not in a separate kernel namespace";
}

/** `linux.sysctl`. @throws {internal} in the words of Docker's runtime for a setting that would be the host's */
export function containerSysctls(document: Pick<ContainerDocument, "config" | "hostConfig">): Record<string, string> {
  const { config, hostConfig } = document;
  const asked = {
    ...(config.Domainname === "" ? {} : { "kernel.domainname": config.Domainname }),
    ...hostConfig.Sysctls,
  };
  for (const name of Object.keys(asked)) {
    const why = objection(name, document);
    if (why === undefined) continue;
    const text = `${RUNC_FAILED}sysctl ${JSON.stringify(name)} ${why}: unknown`;
    throw new EngineError("internal", ErrorCode.RUNTIME_FAILED, text);
  }
  // A namespace of another container has its settings already.
  const ownNetwork = hostConfig.NetworkMode !== "host" && containerOf(hostConfig.NetworkMode) === undefined;
  return { ...(ownNetwork ? NETWORK_DEFAULTS : {}), ...asked };
}
