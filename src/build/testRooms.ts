/** For tests: all the rooms that builds stand on, real, in a temporary directory; a session that offers nothing. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openContentStore } from "#content";
import type { ContentStore } from "#content";
import { EngineError, ErrorCode } from "#errors";
import { createCollector } from "#gc";
import type { GarbageCollector } from "#gc";
import { createImageService } from "#images";
import { openLayerStore } from "#layers";
import type { LayerStore } from "#layers";
import { openMetadata } from "#metadata";
import type { Metadata } from "#metadata";
import type { DiffId } from "#oci";
import { createRegistryClient } from "#remote";
import type { RegistryClient } from "#remote";
import { openSnapshotter } from "#snapshots";
import { writeTarStream } from "#tar";
import type { TarMemberSource } from "#tar";
import type { BuildSession } from "./session.ts";

export interface TestRooms {
  readonly directory: string;
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly metadata: Metadata;
  readonly remote: RegistryClient;
  readonly collector: GarbageCollector;
  readonly images: ReturnType<typeof createImageService>;
  readonly addLayer: (members: readonly TarMemberSource[]) => Promise<DiffId>;
}

/** The part of node:test's context that is needed here. */
interface Cleanup {
  after(work: () => Promise<void>): void;
}

/** Everything is closed and removed when the test ends. */
export async function openTestRooms(t: Cleanup): Promise<TestRooms> {
  const directory = await mkdtemp(join(tmpdir(), "varve-build-"));
  const metadata = openMetadata(join(directory, "varve.db"));
  const content = await openContentStore({ root: join(directory, "content") });
  const layers = await openLayerStore({ root: join(directory, "layers"), records: metadata.layers, workers: 3 });
  const parts = { dataRoot: directory, records: metadata.snapshots, settings: metadata.settings, layers };
  const snapshots = await openSnapshotter({ ...parts, driver: "overlay2" });
  const collector = createCollector({ content, metadata, layers, snapshots, log: console });
  const hosts = { insecureRegistries: [], registryMirrors: [], mirrorsByHost: {} };
  const remote = createRegistryClient({ ...hosts, userAgent: "varve-test" });
  t.after(async () => {
    await remote[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
    await snapshots.close();
    await layers.close();
    await content[Symbol.asyncDispose]();
    metadata[Symbol.dispose]();
    await rm(directory, { recursive: true, force: true });
  });
  const images = createImageService({
    content,
    metadata,
    layers,
    remote,
    snapshots,
    collector,
    users: { usersOf: () => [] },
    events: () => undefined,
    limits: { downloads: 3, uploads: 5, attempts: 2 },
  });
  const addLayer = async (members: readonly TarMemberSource[]): Promise<DiffId> => {
    await using writer = await layers.ingestTar();
    for await (const chunk of writeTarStream(members)) await writer.write(chunk);
    return (await writer.commit()).layer.diffId;
  };
  return { directory, content, layers, metadata, remote, collector, images, addLayer };
}

/** A regular file for `addLayer`. Owned by whoever runs the tests, so that unpacking needs no rights. */
export function testFile(path: string, text: string): TarMemberSource {
  const body = Buffer.from(text);
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return { header: { path, type: "file", mode: 0o644, size: body.length, ...owner }, body: [body] };
}

function nothing(what: string): Promise<never> {
  return Promise.reject(new EngineError("not_found", ErrorCode.BAD_REQUEST, `no ${what} in this session`));
}

/** Offers nothing but what is given. */
export function testSession(offers: Partial<BuildSession> = {}): BuildSession {
  return {
    localDirectory: () => Promise.resolve(undefined),
    sendDirectory: () => nothing("directory"),
    upload: () => {
      throw new EngineError("not_found", ErrorCode.BAD_REQUEST, "no upload in this session");
    },
    secret: () => nothing("secret"),
    connectSshAgent: () => nothing("ssh agent"),
    credentials: () => Promise.resolve(undefined),
    contentStore: () => nothing("content store"),
    sendTar: () => nothing("place for a tar"),
    sendTree: () => nothing("place for a tree"),
    ...offers,
  };
}
