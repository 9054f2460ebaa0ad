import type { Socket } from "node:net";
import type { ContainerService } from "#containers";
import type { EventMessage, ImageDiskUsage, LocalDirectory, VersionInfo, VolumeResource } from "#engineapi";
import { findProgram } from "#host";
import type { ImageCatalog } from "#images";
import type { VolumeCatalog } from "#volumes";
import type { EventBus, EventSubscription } from "./events.ts";
import { sharedDirectory } from "./peers.ts";
import type { SystemInfo } from "./systemInfo.ts";

/** What the API asks of the daemon itself. */
export interface SystemBackend {
  info(): Promise<Readonly<Record<string, unknown>>>;
  version(): VersionInfo;
  /**
   * Where a directory of the client at the other end of a connection lies for the daemon; undefined unless it may be read
   * in place: the client is the daemon's own user or root, on the machine of this boot id, and sees the same directory.
   */
  sharedDirectory(socket: Socket, machine: string, directory: LocalDirectory): Promise<string | undefined>;
  diskUsage(): Promise<{
    readonly images: ImageDiskUsage;
    readonly containers: readonly Readonly<Record<string, unknown>>[];
    readonly volumes: readonly VolumeResource[];
  }>;
  /** Recorded events from `since` on, then live ones until `until` or the signal. */
  events(subscription: EventSubscription): AsyncIterable<EventMessage>;
}

const RUNTIMES = ["crun", "runc"];

export function createSystemBackend(parts: {
  readonly images: ImageCatalog;
  readonly containers: ContainerService;
  readonly volumes: VolumeCatalog;
  readonly events: EventBus;
  readonly systemInfo: SystemInfo;
}): SystemBackend {
  const { images, containers, volumes, events, systemInfo } = parts;
  return {
    info: () => {
      const runtimes = RUNTIMES.filter((name) => findProgram(name) !== undefined);
      return systemInfo.info({
        images: images.count(),
        containers: containers.counts(),
        eventListeners: events.listeners(),
        runtimes,
        defaultRuntime: runtimes[0] ?? "",
      });
    },
    version: () => systemInfo.version(),
    sharedDirectory,
    diskUsage: async () => {
      const [usage, rows, sizes] = await Promise.all([
        images.diskUsage(),
        containers.list({ all: true, size: true, filters: new Map() }),
        volumes.diskUsage(),
      ]);
      return { images: usage, containers: rows, volumes: sizes };
    },
    events: (subscription) => events.subscribe(subscription),
  };
}
