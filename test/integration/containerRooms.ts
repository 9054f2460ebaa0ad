import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openContentStore } from "#content";
import { createContainerServices } from "#containers";
import { createCollector } from "#gc";
import type { GarbageCollector, GcReport } from "#gc";
import type { EventSink } from "#engineapi";
import type { ImageCatalog, ImageCommits } from "#images";
import type {
  Attachment,
  ContainerControl,
  ContainerCreateRequest,
  ContainerService,
  ContainerServices,
} from "#containers";
import { openLayerStore } from "#layers";
import type { LayerStore } from "#layers";
import { openMetadata } from "#metadata";
import { createNetworkService, DOCKER_DEFAULTS } from "#networks";
import { parseDigest, parseImageConfig } from "#oci";
import { openSnapshotter } from "#snapshots";
import { openVolumes } from "#volumes";
import type { VolumeCatalog } from "#volumes";
import { busyboxRootfs } from "../e2e/support/rootfs.ts";
import type { Member } from "../e2e/support/rootfs.ts";
import { mountsBelow } from "../e2e/support/daemon.ts";
import { removeNetworkLeftovers } from "../e2e/support/networkLeftovers.ts";
import { run } from "../e2e/support/process.ts";

export interface SeenEvent {
  readonly action: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The rooms below containers on a temporary data root, with one image: busybox as `box`. */
export interface ContainerRooms extends AsyncDisposable {
  readonly execs: ContainerServices["execs"];
  readonly usage: ContainerServices["usage"];
  readonly files: ContainerServices["files"];
  readonly steps: ContainerServices["steps"];
  readonly layers: LayerStore;
  readonly containers: ContainerService;
  readonly control: ContainerControl;
  readonly volumes: VolumeCatalog;
  readonly events: SeenEvent[];
  readonly log: string[];
  readonly dataRoot: string;
  readonly execRoot: string;
  /** Where the rooms look for journald. */
  readonly journalSocket: string;
  /** Closes every room as a stopping daemon does, does what is wanted while there is none, and opens them again. */
  restart(between?: () => Promise<void>): Promise<void>;
  /** Sweeps what nothing names. */
  collect(): Promise<GcReport>;
  /** `create`, and its id. */
  make(request: Partial<ContainerCreateRequest>, name?: string): Promise<string>;
  /** Creates, attaches, starts, feeds `input`, waits for the end. */
  run(request: Partial<ContainerCreateRequest>, input?: string): Promise<RunResult>;
}

export interface RunResult {
  readonly id: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const IMAGE_ID = parseDigest(`sha256:${"b0".repeat(32)}`);

export async function collect(attachment: Attachment): Promise<Pick<RunResult, "stdout" | "stderr">> {
  const text = { stdout: "", stderr: "" };
  for await (const { stream, bytes } of attachment.output) text[stream] += Buffer.from(bytes).toString("latin1");
  return text;
}

type OpenRooms = ContainerServices & {
  readonly volumes: VolumeCatalog;
  readonly collector: GarbageCollector;
  readonly layers: LayerStore;
  close(): Promise<void>;
};

/** `extra`: what the image has beside busybox. `given`: where a killed process had the rooms. */
export async function openContainerRooms(extra: readonly Member[] = [], given?: string): Promise<ContainerRooms> {
  const folder = given ?? (await mkdtemp(join(tmpdir(), "varve-containers-")));
  const dataRoot = join(folder, "data");
  const execRoot = join(folder, "run");
  const journalSocket = join(folder, "journal.sock");
  const events: SeenEvent[] = [];
  const log: string[] = [];

  const open = async (): Promise<OpenRooms> => {
    await using stack = new AsyncDisposableStack();
    const metadata = stack.use(openMetadata(join(folder, "varve.db")));
    const layers = stack.use(await openLayerStore({ root: join(dataRoot, "layers"), records: metadata.layers }));
    const snapshots = await openSnapshotter({
      dataRoot,
      records: metadata.snapshots,
      settings: metadata.settings,
      layers,
    });
    stack.defer(() => snapshots.close());
    const content = stack.use(await openContentStore({ root: join(dataRoot, "content") }));
    const collector = stack.use(
      createCollector({
        metadata,
        content,
        layers,
        snapshots,
        log: { warn: (line) => void log.push(`warn: ${line}`) },
      }),
    );
    let [layer] = layers.list();
    if (layer === undefined) {
      await using writer = await layers.ingestTar();
      await writer.write(await busyboxRootfs(extra));
      ({ layer } = await writer.commit());
    }
    const chainId = await snapshots.commitLayer(layer.diffId, undefined);
    metadata.images.putContent({
      imageId: IMAGE_ID,
      manifest: { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: IMAGE_ID, size: 1 },
      chainId,
      diffIds: [layer.diffId],
      lastTaggedAt: undefined,
      createdAt: 0,
    });
    const rawConfig = Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        rootfs: { type: "layers", diff_ids: [layer.diffId] },
        config: { Cmd: ["sh", "-c", "echo default"], Env: ["FROM_IMAGE=1"], Labels: { of: "image" } },
      }),
    );
    const found = {
      imageId: IMAGE_ID,
      rawConfig,
      config: parseImageConfig(rawConfig),
      diffIds: [layer.diffId],
      chainId,
    };
    const sink = ({ Action, Actor }: Parameters<EventSink>[0]): void =>
      void events.push({ action: Action, attributes: Actor.Attributes });
    const write = (level: string, line: string): void => void log.push(`${level}: ${line}`);
    const volumes = await openVolumes({ dataRoot, records: metadata.volumes, events: sink, log: write });
    const networks = createNetworkService({
      networks: metadata.networks,
      sandboxes: metadata.sandboxes,
      dataRoot,
      execRoot,
      isDefaultRoot: false,
      defaults: DOCKER_DEFAULTS,
      events: () => undefined,
      log: write,
    });
    stack.defer(() => networks.close());
    const services = createContainerServices({
      sandboxes: networks.sandboxes,
      metadata,
      layers,
      snapshots,
      // One image is all that these tests need of the catalogue.
      images: { lookup: async () => found } as unknown as ImageCatalog & ImageCommits,
      volumes: volumes.containers,
      dataRoot,
      execRoot,
      journalSocket,
      events: sink,
      log: write,
    });
    stack.defer(() => services.containers.close());
    stack.defer(() => services.files.close());
    stack.defer(() => services.steps.close());
    await services.containers.reconcile();
    await services.steps.reconcile();
    const owned = stack.move();
    return { ...services, volumes: volumes.catalog, collector, layers, close: () => owned.disposeAsync() };
  };

  let rooms = await open();
  const make: ContainerRooms["make"] = async (request, name) => {
    const whole = { Image: "box", ...request, HostConfig: { NetworkMode: "none", ...request.HostConfig } };
    return (await rooms.containers.create(whole, name)).Id;
  };
  return {
    events,
    log,
    dataRoot,
    execRoot,
    journalSocket,
    make,
    collect: () => rooms.collector.collect(),
    get containers() {
      return rooms.containers;
    },
    get files() {
      return rooms.files;
    },
    get steps() {
      return rooms.steps;
    },
    get layers() {
      return rooms.layers;
    },
    get control() {
      return rooms.control;
    },
    get volumes() {
      return rooms.volumes;
    },
    get execs() {
      return rooms.execs;
    },
    get usage() {
      return rooms.usage;
    },
    restart: async (between) => {
      await rooms.close();
      await between?.();
      rooms = await open();
    },
    run: async (request, input) => {
      const { containers } = rooms;
      const stdin = input !== undefined;
      const id = await make({ ...request, ...(stdin ? { OpenStdin: true, StdinOnce: true } : {}) });
      await using attachment = await containers.attach(id, {
        stdin,
        stdout: true,
        stderr: true,
        logs: false,
        stream: true,
      });
      const output = collect(attachment);
      const ended = containers.wait(id, "next-exit");
      await containers.start(id);
      if (input !== undefined) await attachment.write(Buffer.from(input));
      attachment.closeStdin();
      const { StatusCode: code } = await ended;
      return { id, code, ...(await output) };
    },
    [Symbol.asyncDispose]: async () => {
      for (const row of await rooms.containers.list({ all: true, filters: new Map() })) {
        await rooms.containers.remove(String(row["Id"]), { force: true, volumes: false });
      }
      await rooms.close();
      await removeNetworkLeftovers(dataRoot);
      for (const target of mountsBelow(folder).reverse()) await run("umount", ["-l", target]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
