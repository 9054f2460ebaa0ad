import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import type { ViewMount } from "#host";
import type { Container } from "../container.ts";
import { etcFilesAt } from "../rootfs/etcFiles.ts";

/**
 * Volumes and binds of a container, what is mounted above something first. A place within a volume is seen while the
 * container runs: only then a mount holds it against symlinks that lead elsewhere.
 */
export function volumeMounts({ document, isRunning, paths }: Container): readonly ViewMount[] {
  const seen = document.mountPoints.entries().flatMap(([number, { type, source, destination, writable, subpath }]) => {
    if (type === "tmpfs" || Object.hasOwn(document.hostConfig.Tmpfs, destination)) return [];
    if (subpath !== undefined && !isRunning) return [];
    const place = subpath === undefined ? source : join(paths.pins, String(number));
    return [{ source: place, destination, readOnly: !writable }];
  });
  const depth = ({ destination }: ViewMount): number => posix.normalize(destination).split("/").length;
  return seen.toArray().sort((a, b) => depth(a) - depth(b));
}

/** What is seen upon a container's root from outside its namespaces: its volumes, and its three files of /etc. */
export function viewMounts(container: Container): readonly ViewMount[] {
  const etc = etcFilesAt(container.paths.directory);
  const readOnly = container.document.hostConfig.ReadonlyRootfs;
  const volumes = volumeMounts(container);
  const taken = new Set(volumes.map(({ destination }) => destination));
  const files = [
    { source: etc.resolvConf, destination: "/etc/resolv.conf", readOnly },
    { source: etc.hostname, destination: "/etc/hostname", readOnly },
    { source: etc.hosts, destination: "/etc/hosts", readOnly },
  ];
  // Some are first written when the container starts.
  return [...volumes, ...files.filter(({ source, destination }) => !taken.has(destination) && existsSync(source))];
}
