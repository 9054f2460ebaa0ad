import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createBuildService } from "#build";
import type { BuildService, BuildServiceOptions, DebugShells } from "#build";
import { openContentStore } from "#content";
import type { ContentStore } from "#content";
import { createContainerServices } from "#containers";
import type { ContainerServiceOptions } from "#containers";
import type { ContainerService, ContainerServices } from "#containers";
import type { VersionInfo } from "#engineapi";
import { createCollector } from "#gc";
import type { GarbageCollector } from "#gc";
import { adoptOrphans } from "#host";
import { createImageService } from "#images";
import type { ImageCatalog, ImageReshaping, ImageTransfer, TransferLimits } from "#images";
import { openLayerStore } from "#layers";
import type { LayerStore } from "#layers";
import { openMetadata } from "#metadata";
import type { Metadata } from "#metadata";
import { createNetworkService } from "#networks";
import type { NetworkCatalog, NetworkServices } from "#networks";
import { createRegistryClient } from "#remote";
import { openSnapshotter } from "#snapshots";
import type { Snapshotter, StackMounts } from "#snapshots";
import { openVolumes } from "#volumes";
import type { VolumeCatalog, VolumeServices } from "#volumes";
import type { EngineConfig } from "./config.ts";
import { openDataRoot } from "./dataRoot.ts";
import { createFlusher, repair } from "./durability.ts";
import type { Flusher } from "./durability.ts";
import { createEventBus } from "./events.ts";
import type { EventBus } from "./events.ts";
import { createLookBackend } from "./looking/createLookBackend.ts";
import type { LookBackend } from "./looking/lookBackend.ts";
import { LookThread } from "./looking/lookThread.ts";
import { createRegistryAccess } from "./registryAccess.ts";
import type { RegistryAccess } from "./registryAccess.ts";
import { createRegistryBackend } from "./registryBackend.ts";
import type { RegistryBackend } from "./registryBackend.ts";
import { createSystemBackend } from "./systemBackend.ts";
import type { SystemBackend } from "./systemBackend.ts";
import { createSystemInfo } from "./systemInfo.ts";
import { VERSION } from "./version.ts";

/** Everything that an API needs, wired. */
export interface Engine {
  readonly backends: ContainerServices & {
    readonly images: ImageTransfer & ImageCatalog & ImageReshaping;
    readonly networks: NetworkCatalog;
    readonly volumes: VolumeCatalog;
    readonly system: SystemBackend;
    readonly registry: RegistryBackend & RegistryAccess;
    readonly build: BuildService;
    readonly debugShells: DebugShells;
    readonly look: LookBackend;
  };
  readonly version: VersionInfo;
  /** `erofs (file)`: for the log. */
  readonly storageDriver: string;
  /** Ends what runs, flushes, unmounts, gives the data root free. Containers go on. */
  close(): Promise<void>;
}

interface Stores {
  readonly metadata: Metadata;
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly snapshots: Snapshotter & StackMounts;
  readonly collector: GarbageCollector;
  readonly flusher: Flusher;
}

const DAEMON_ID = "daemon-id";
/** The daemon of this root has the plain names of what the whole host sees. */
const DEFAULT_DATA_ROOT = "/var/lib/varve";

async function openStores(config: EngineConfig, stack: AsyncDisposableStack): Promise<Stores> {
  const root = stack.use(await openDataRoot(config.dataRoot));
  await mkdir(config.execRoot, { recursive: true, mode: 0o711 });
  const metadata = stack.use(openMetadata(join(config.dataRoot, "varve.db")));
  const content = stack.use(await openContentStore({ root: join(config.dataRoot, "content") }));
  const layers = stack.use(await openLayerStore({ root: join(config.dataRoot, "layers"), records: metadata.layers }));
  if (root.uncleanBoot) await repair(content, layers, config.log);
  await root.markRunning();
  const snapshots = await openSnapshotter({
    dataRoot: config.dataRoot,
    records: metadata.snapshots,
    settings: metadata.settings,
    layers,
    driver: config.storageDriver,
    log: (message) => config.log("warn", message),
  });
  stack.defer(() => snapshots.close());
  const flusher = createFlusher({ content, layers, metadata, config });
  stack.defer(async () => {
    await flusher.flush();
    await root.markClean();
  });
  stack.use(flusher);
  const collector = stack.use(
    createCollector({ metadata, content, layers, snapshots, log: { warn: (message) => config.log("warn", message) } }),
  );
  return { metadata, content, layers, snapshots, collector, flusher };
}

function daemonId(metadata: Metadata): string {
  const known = metadata.settings.get(DAEMON_ID);
  if (known !== undefined) return known;
  const id = randomUUID();
  metadata.settings.put(DAEMON_ID, id);
  return id;
}

function openNetworks(
  config: EngineConfig,
  { networks, sandboxes }: Metadata,
  events: EventBus,
  stack: AsyncDisposableStack,
): NetworkServices {
  const { dataRoot, execRoot, log } = config;
  const isDefaultRoot = dataRoot === DEFAULT_DATA_ROOT;
  const opened = createNetworkService({
    networks,
    sandboxes,
    dataRoot,
    execRoot,
    isDefaultRoot,
    defaults: config.networks,
    events: events.emit,
    log,
  });
  stack.defer(() => opened.close());
  return opened;
}

function transferLimits(config: EngineConfig): TransferLimits {
  const { maxConcurrentDownloads, maxConcurrentUploads, maxDownloadAttempts } = config;
  return { downloads: maxConcurrentDownloads, uploads: maxConcurrentUploads, attempts: maxDownloadAttempts };
}

function openBuilds(
  { dataRoot, log }: EngineConfig,
  rooms: Omit<BuildServiceOptions, "dataRoot" | "log">,
  stack: AsyncDisposableStack,
): Pick<Engine["backends"], "build" | "debugShells"> {
  const build = createBuildService({ ...rooms, dataRoot, log });
  stack.defer(() => build.close());
  return { build, debugShells: build.debugShells };
}

/** Images and containers know each other only through this: images ask who uses them, containers look images up. */
function createServices(
  config: EngineConfig,
  stores: Stores & { readonly volumes: VolumeServices },
  events: EventBus,
  stack: AsyncDisposableStack,
): Omit<Engine["backends"], "system" | "volumes" | "look"> {
  const { metadata, content, layers, snapshots, collector, flusher, volumes } = stores;
  const remote = stack.use(createRegistryClient({ ...config.registries, userAgent: `varve/${VERSION} (linux)` }));
  const late: { containers?: ContainerService } = {};
  const images = createImageService({
    content,
    metadata,
    layers,
    remote,
    snapshots,
    collector,
    users: { usersOf: (imageId) => late.containers?.usersOf(imageId) ?? [] },
    events: (event) => {
      events.emit(event);
      flusher.schedule();
    },
    limits: transferLimits(config),
  });
  const networks = openNetworks(config, metadata, events, stack);
  const services = createContainerServices({
    sandboxes: networks.sandboxes,
    metadata,
    snapshots,
    layers,
    images,
    volumes: volumes.containers,
    ...containerSettings(config),
    events: events.emit,
  });
  late.containers = services.containers;
  stack.defer(() => services.containers.close());
  stack.defer(() => services.files.close());
  stack.defer(() => services.steps.close());
  const builds = openBuilds(config, { ...stores, ...services, images, remote }, stack);
  return {
    images,
    ...services,
    ...builds,
    networks: networks.catalog,
    registry: { ...createRegistryBackend(remote), ...createRegistryAccess(remote) },
  };
}

function containerSettings({
  dataRoot,
  execRoot,
  ulimits = [],
  containers,
  log,
}: EngineConfig): Pick<ContainerServiceOptions, "dataRoot" | "execRoot" | "ulimits" | "defaults" | "log"> {
  return { dataRoot, execRoot, ulimits, log, ...(containers === undefined ? {} : { defaults: containers }) };
}

/**
 * Opens a data root and wires every room. The only place where rooms meet.
 * @throws {unavailable} DAEMON_RUNNING when another daemon owns the data root; what rooms throw at opening.
 */
export async function createEngine(config: EngineConfig): Promise<Engine> {
  await using stack = new AsyncDisposableStack();
  // Monitors of containers detach from us, and leave processes behind when they end early.
  adoptOrphans();
  const stores = await openStores(config, stack);
  const events = createEventBus(stores.metadata.events);
  const volumes = await openVolumes({
    dataRoot: config.dataRoot,
    records: stores.metadata.volumes,
    events: events.emit,
    log: config.log,
  });
  const services = createServices(config, { ...stores, volumes }, events, stack);
  const systemInfo = await createSystemInfo(config, stores.snapshots.driver, daemonId(stores.metadata));
  await services.containers.reconcile();
  await services.steps.reconcile();
  stores.collector.schedule();
  const lookThread = stack.use(new LookThread());
  const owned = stack.move();
  const { name, backend } = stores.snapshots.driver;
  return {
    backends: {
      ...services,
      volumes: volumes.catalog,
      look: createLookBackend({ ...stores, ...services }, lookThread),
      system: createSystemBackend({ ...services, volumes: volumes.catalog, events, systemInfo }),
    },
    version: systemInfo.version(),
    storageDriver: `${name} (${backend})`,
    close: () => owned.disposeAsync(),
  };
}
