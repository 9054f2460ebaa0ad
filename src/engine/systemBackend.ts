import type { ContainerService } from "#containers";
import type { EventMessage, ImageDiskUsage, VersionInfo } from "#engineapi";
import { findProgram } from "#host";
import type { ImageCatalog } from "#images";
import type { EventBus, EventSubscription } from "./events.ts";
import type { SystemInfo } from "./systemInfo.ts";

/** What the API asks of the daemon itself. */
export interface SystemBackend {
  info(): Promise<Readonly<Record<string, unknown>>>;
  version(): VersionInfo;
  diskUsage(): Promise<{
    readonly images: ImageDiskUsage;
    readonly containers: readonly Readonly<Record<string, unknown>>[];
  }>;
  events(subscription: EventSubscription): AsyncIterable<EventMessage>;
}

const RUNTIMES = ["crun", "runc"];

export function createSystemBackend(parts: {
  readonly images: ImageCatalog;
  readonly containers: ContainerService;
  readonly events: EventBus;
  readonly systemInfo: SystemInfo;
}): SystemBackend {
  const { images, containers, events, systemInfo } = parts;
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
    diskUsage: async () => {
      const [usage, rows] = await Promise.all([
        images.diskUsage(),
        containers.list({ all: true, size: true, filters: new Map() }),
      ]);
      return { images: usage, containers: rows };
    },
    events: (subscription) => events.subscribe(subscription),
  };
}
