import type { ViewMount } from "#host";
import type { Container } from "../container.ts";
import { etcFilesAt } from "../rootfs/etcFiles.ts";

/** Volumes and binds of a container. */
export function volumeMounts(_container: Container): readonly ViewMount[] {
  return [];
}

/** What is seen upon a container's root from outside its namespaces: its volumes, and its three files of /etc. */
export function viewMounts(container: Container): readonly ViewMount[] {
  const etc = etcFilesAt(container.paths.directory);
  const readOnly = container.document.hostConfig.ReadonlyRootfs;
  return [
    ...volumeMounts(container),
    { source: etc.resolvConf, destination: "/etc/resolv.conf", readOnly },
    { source: etc.hostname, destination: "/etc/hostname", readOnly },
    { source: etc.hosts, destination: "/etc/hosts", readOnly },
  ];
}
