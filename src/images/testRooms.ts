/** For tests: all the rooms that images stand on, real, in a directory of their own; images made by code. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openContentStore } from "#content";
import type { EventMessage, Filters } from "#engineapi";
import { createCollector } from "#gc";
import { openLayerStore } from "#layers";
import { openMetadata } from "#metadata";
import { digestOf, MediaType, parseReference, withDefaultTag } from "#oci";
import type { ContainerDefaults, Descriptor, DiffId, Digest, HistoryEntry } from "#oci";
import { createRegistryClient } from "#remote";
import { openSnapshotter } from "#snapshots";
import { writeTarStream } from "#tar";
import { createCatalog } from "./catalog/catalog.ts";
import type { ImageContext } from "./context.ts";
import type { ImageCatalog } from "./imageService.ts";
import { takeLease } from "#metadata";
import { putName, recordImage } from "./recordImage.ts";

/** Where the tests' clock stands: 2026-11-21T00:00:00Z. */
const TEST_NOW: number = Date.UTC(2026, 10, 21);

type Event = Pick<EventMessage, "Type" | "Action" | "Actor">;
type User = ReturnType<ImageContext["users"]["usersOf"]>[number];

export interface TestRooms {
  readonly context: ImageContext;
  readonly catalog: ImageCatalog;
  readonly events: Event[];
  /** Who uses images: fill it to play containers. */
  readonly users: Map<Digest, User[]>;
  readonly directory: string;
  /** A layer with one file. */
  readonly addLayer: (path: string, text: string) => Promise<DiffId>;
  readonly addImage: (image: TestImage) => Promise<Digest>;
}

export interface TestImage {
  /** Familiar references; the first names the image's record, the others are put beside it. */
  readonly names?: readonly string[];
  /** Text of the one file of each layer, base first. */
  readonly layers?: readonly string[];
  readonly created?: string;
  readonly config?: ContainerDefaults;
  readonly history?: readonly HistoryEntry[];
  /** More fields of the config. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The part of node:test's context that is needed here. */
interface Cleanup {
  after(work: () => Promise<void>): void;
}

/** Everything is closed and removed when the test ends. The storage driver is one that needs no rights, unless told. */
export async function openTestRooms(t: Cleanup, options: { readonly driver?: string } = {}): Promise<TestRooms> {
  const directory = await mkdtemp(join(tmpdir(), "varve-images-"));
  const metadata = openMetadata(join(directory, "varve.db"));
  const content = await openContentStore({ root: join(directory, "content") });
  const layers = await openLayerStore({ root: join(directory, "layers"), records: metadata.layers, workers: 3 });
  const parts = { dataRoot: directory, records: metadata.snapshots, settings: metadata.settings, layers };
  const snapshots = await openSnapshotter({ ...parts, driver: options.driver ?? "overlay2" });
  const collector = createCollector({ content, metadata, layers, snapshots, log: console });
  const remote = createRegistryClient({
    insecureRegistries: [],
    registryMirrors: [],
    mirrorsByHost: {},
    userAgent: "varve-test",
  });
  t.after(async () => {
    await remote[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
    await snapshots.close();
    await layers.close();
    await content[Symbol.asyncDispose]();
    metadata[Symbol.dispose]();
    await rm(directory, { recursive: true, force: true });
  });
  const events: Event[] = [];
  const users = new Map<Digest, User[]>();
  const context: ImageContext = {
    content,
    metadata,
    layers,
    remote,
    snapshots,
    collector,
    users: { usersOf: (imageId) => users.get(imageId) ?? [] },
    events: (event) => events.push(event),
    limits: { downloads: 3, uploads: 5, attempts: 2 },
    now: () => TEST_NOW,
  };
  const addLayer = (path: string, text: string): Promise<DiffId> => addTestLayer(context, path, text);
  return {
    context,
    catalog: createCatalog(context),
    events,
    users,
    directory,
    addLayer,
    addImage: (image) => addTestImage(context, image),
  };
}

/** `{ label: ["a=b"] }` as the API room hands filters over. */
export function filtersOf(values: Readonly<Record<string, readonly string[]>> = {}): Filters {
  return new Map(Object.entries(values));
}

async function addTestLayer(context: ImageContext, path: string, text: string): Promise<DiffId> {
  const body = Buffer.from(text);
  // Owned by whoever runs the tests, so that unpacking needs no rights.
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  await using writer = await context.layers.ingestTar();
  const header = { path, type: "file" as const, mode: 0o644, size: body.length, ...owner };
  for await (const chunk of writeTarStream([{ header, body: [body] }])) await writer.write(chunk);
  return (await writer.commit()).layer.diffId;
}

async function addTestImage(context: ImageContext, image: TestImage): Promise<Digest> {
  using lease = takeLease(context.metadata, "test");
  const diffIds: DiffId[] = [];
  for (const [index, text] of (image.layers ?? []).entries())
    diffIds.push(await addTestLayer(context, `f${index}`, text));
  const config = {
    architecture: "amd64",
    ...(image.config === undefined ? {} : { config: image.config }),
    created: image.created ?? "2026-01-01T00:00:00Z",
    ...(image.history === undefined ? {} : { history: image.history }),
    os: "linux",
    rootfs: { type: "layers", diff_ids: diffIds },
    ...image.more,
  };
  const rawConfig = Buffer.from(JSON.stringify(config));
  const imageId = (await context.content.put(rawConfig)).digest;
  const manifest = await putManifest(context, { digest: imageId, size: rawConfig.length });
  const [first, ...others] = image.names ?? [];
  const reference = first === undefined ? undefined : withDefaultTag(parseReference(first));
  await recordImage(context, lease, { imageId, manifest, target: manifest, diffIds, reference, withRepoDigest: false });
  for (const name of others) {
    const { domain, path, tag, digest } = parseReference(name);
    const key = digest === undefined ? `${domain}/${path}:${tag ?? "latest"}` : `${domain}/${path}@${digest}`;
    putName(context, key, { imageId, target: manifest });
  }
  return imageId;
}

async function putManifest(
  context: ImageContext,
  config: { readonly digest: Digest; readonly size: number },
): Promise<Descriptor> {
  const raw = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.OCI_MANIFEST,
      config: { mediaType: MediaType.OCI_CONFIG, ...config },
      layers: [],
    }),
  );
  await context.content.put(raw);
  return { mediaType: MediaType.OCI_MANIFEST, digest: digestOf(raw), size: raw.length };
}
