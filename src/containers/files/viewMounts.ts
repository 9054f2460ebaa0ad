import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import type { ViewMount } from "#host";
import type { Container } from "../container.ts";
import { etcFilesAt } from "../rootfs/etcFiles.ts";

/**
 * Volumes and binds of a container, what is mounted above something first. `places`: where volumes lie for a container that
 * does not run; those of one that runs lie where its own mounts are.
 */
export function volumeMounts(
  { document, isRunning, paths }: Container,
  places: ReadonlyMap<number, string>,
): readonly ViewMount[] {
  const seen = document.mountPoints.entries().flatMap(([number, { type, source, destination, writable, subpath }]) => {
    if (type === "tmpfs" || Object.hasOwn(document.hostConfig.Tmpfs, destination)) return [];
    const looked = places.get(number);
    // It has begun or ended to run since: what is within a volume is held by nothing of ours.
    if (subpath !== undefined && looked === undefined && !isRunning) return [];
    const own = subpath === undefined ? source : join(paths.pins, String(number));
    return [{ source: looked ?? own, destination, readOnly: !writable }];
  });
  const depth = ({ destination }: ViewMount): number => posix.normalize(destination).split("/").length;
  return seen.toArray().sort((a, b) => depth(a) - depth(b));
}

/** What is seen upon a container's root from outside its namespaces: its volumes ({@link volumeMounts}), and its three files of /etc. */
export function viewMounts(container: Container, volumes: readonly ViewMount[]): readonly ViewMount[] {
  const etc = etcFilesAt(container.paths.directory);
  const readOnly = container.document.hostConfig.ReadonlyRootfs;
  const taken = new Set(volumes.map(({ destination }) => destination));
  const files = [
    { source: etc.resolvConf, destination: "/etc/resolv.conf", readOnly },
    { source: etc.hostname, destination: "/etc/hostname", readOnly },
    { source: etc.hosts, destination: "/etc/hosts", readOnly },
  ];
  // Some are first written when the container starts.
  return [...volumes, ...files.filter(({ source, destination }) => !taken.has(destination) && existsSync(source))];
}
