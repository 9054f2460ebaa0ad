import type { HostConfig } from "../request/hostConfig.ts";
import type { OciNamespace } from "./ociSpec.ts";

/** Namespaces of other containers to join, by type: paths below /proc. */
export type JoinedNamespaces = Readonly<Partial<Record<OciNamespace["type"], string>>>;

function one(type: OciNamespace["type"], joined: JoinedNamespaces): OciNamespace {
  const path = joined[type];
  return path === undefined ? { type } : { type, path };
}

/** Of its own, joined, or, by absence, the host's. */
export function containerNamespaces(hostConfig: HostConfig, joined: JoinedNamespaces): readonly OciNamespace[] {
  const { PidMode, IpcMode, UTSMode, CgroupnsMode } = hostConfig;
  const wanted: Readonly<Record<OciNamespace["type"], boolean>> = {
    mount: true,
    network: joined.network !== undefined,
    uts: UTSMode !== "host",
    pid: PidMode !== "host",
    ipc: IpcMode !== "host",
    cgroup: CgroupnsMode === "private",
  };
  const types = ["mount", "network", "uts", "pid", "ipc", "cgroup"] as const;
  return types.filter((type) => wanted[type]).map((type) => one(type, joined));
}
