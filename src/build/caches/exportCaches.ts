import type { BuiltPush } from "#images";
import { takeLease } from "#metadata";
import { parseReference } from "#oci";
import type { Descriptor, DiffId } from "#oci";
import type { BuiltTarget } from "../buildService.ts";
import { blobBytes } from "../exporters/blobBytes.ts";
import { document, goDescriptor, layerType, writeManifest } from "../exporters/documents.ts";
import type { Document } from "../exporters/documents.ts";
import type { ExportJob } from "../exporters/exporter.ts";
import type { ExporterRooms } from "../exporters/exporterRooms.ts";
import { goJson } from "../exporters/goJson.ts";
import { shown } from "../exporters/shown.ts";
import type { StepProgress } from "../graph/handler.ts";
import type { DoneStep } from "../graph/importedSteps.ts";
import { credentialsHost } from "../sources/baseOrigin.ts";
import { readCacheTarget } from "./cacheAttributes.ts";
import type { CacheTarget } from "./cacheAttributes.ts";
import { CACHE_CONFIG_TYPE, writeCacheConfig, writeInlineConfig } from "./cacheConfig.ts";

/** What is exported of a build's steps: all of them, or those whose layers a result has. */
function stepsOf({ steps, targets }: Pick<ExportJob, "steps" | "targets">, isMax: boolean): readonly DoneStep[] {
  if (isMax) return steps;
  const stacks = new Set(
    targets.flatMap(({ diffIds }) => diffIds.map((_id, index) => diffIds.slice(0, index + 1).join(" "))),
  );
  return steps.filter(({ diffIds }) => stacks.has(diffIds.join(" ")));
}

/** What goes into an image's config for `type=inline`, base64; undefined: it was not asked for. */
export function inlineCache(job: ExportJob, target: BuiltTarget): string | undefined {
  const isWanted =
    job.request.cacheExports.some(({ type }) => type === "inline") ||
    job.request.options.buildArguments.get("BUILDKIT_INLINE_CACHE") === "1";
  if (!isWanted) return undefined;
  const steps = stepsOf({ steps: job.steps, targets: [target] }, false);
  return Buffer.from(writeInlineConfig(steps)).toString("base64");
}

/** @throws {invalid_argument} attributes of a cache that make no sense */
export function checkCaches({ request }: Pick<ExportJob, "request">): void {
  for (const location of request.cacheExports) readCacheTarget(location);
}

/** Writes all caches of `--cache-to`; what the client needs to know of them. */
export async function exportCaches(rooms: ExporterRooms, job: ExportJob): Promise<Record<string, string>> {
  const response: Record<string, string> = {};
  for (const target of job.request.cacheExports.map(readCacheTarget)) {
    if (target.type === "inline") continue; // within the image
    try {
      Object.assign(response, await exportCache(rooms, job, target));
    } catch (error) {
      if (!target.ignoreError || job.request.signal.aborted) throw error;
    }
  }
  return response;
}

async function exportCache(rooms: ExporterRooms, job: ExportJob, target: CacheTarget): Promise<Record<string, string>> {
  const name = target.type === "local" ? "exporting cache to client directory" : "exporting cache to registry";
  return await job.task(name, async (progress) => {
    using lease = takeLease(rooms.metadata, "export cache");
    await using push = target.type === "local" ? undefined : await openPush(rooms, job, target);
    const { layerBlob } = push ?? rooms.images;
    const steps = stepsOf(job, target.isMax);
    const { compression, compressionLevel: level, forceCompression: force } = target;
    const wanted = { compression, level, force, lease, signal: job.request.signal };
    const blobs = await shown(progress, "preparing build cache for export", async () => {
      const all = new Map<DiffId, Descriptor>();
      for (const { diffIds } of steps) {
        const diffId = diffIds.at(-1);
        if (diffId === undefined || all.has(diffId)) continue;
        const blob = await layerBlob(diffId, wanted);
        all.set(diffId, { mediaType: layerType(blob.compression, true), digest: blob.digest, size: blob.size });
      }
      return all;
    });
    const config = document(CACHE_CONFIG_TYPE, writeCacheConfig(steps, blobs));
    const layers = [...blobs.values()];
    const manifest = writeManifest({ config: config.descriptor, layers, annotations: {} }, true);
    for (const { raw, descriptor } of [config, manifest]) {
      lease.blob(descriptor.digest);
      await rooms.content.put(raw, descriptor.digest);
    }
    const written = { target, layers, config, manifest };
    if (push === undefined) await toClient(rooms, job, { ...written, progress });
    else await toRegistry(push, { ...written, progress });
    return target.type === "local" ? { "cache.manifest": goJson(goDescriptor(manifest.descriptor)) } : {};
  });
}

interface WrittenCache {
  readonly target: CacheTarget;
  readonly layers: readonly Descriptor[];
  readonly config: Document;
  readonly manifest: Document;
  readonly progress: StepProgress;
}

async function openPush(rooms: ExporterRooms, job: ExportJob, target: CacheTarget): Promise<BuiltPush> {
  const { session, signal } = job.request;
  const reference = parseReference(target.ref);
  const credentials = await session.credentials(credentialsHost(reference.domain));
  return rooms.images.openPush(reference, { credentials, signal });
}

async function toRegistry(push: BuiltPush, cache: WrittenCache): Promise<void> {
  const { layers, config, manifest, progress } = cache;
  const lines = [
    ...layers.map(({ digest }) => `writing layer ${digest}`),
    `writing config ${config.descriptor.digest}`,
    `writing cache image manifest ${manifest.descriptor.digest}`,
  ];
  for (const line of lines) progress.status(line, { current: 0 });
  await push.send({
    blobs: [...layers, config.descriptor],
    documents: [manifest],
    isByDigest: false,
    onBlobs: () => {
      for (const line of lines.slice(0, -1)) progress.status(line, { current: 0, done: true });
    },
  });
  for (const line of lines.slice(-1)) progress.status(line, { current: 0, done: true });
}

async function toClient(rooms: ExporterRooms, job: ExportJob, cache: WrittenCache): Promise<void> {
  const { layers, config, manifest, progress, target } = cache;
  const store = await job.request.session.contentStore(`local:${target.dest}`);
  const send = async (descriptor: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    if ((await store.info(descriptor.digest)) === undefined)
      await store.write(descriptor.digest, descriptor.size, bytes);
  };
  for (const layer of layers)
    await shown(progress, `writing layer ${layer.digest}`, () => send(layer, blobBytes(rooms, layer.digest)));
  const documents = [
    ["config", config],
    ["cache image manifest", manifest],
  ] as const;
  for (const [what, { descriptor }] of documents)
    await shown(progress, `writing ${what} ${descriptor.digest}`, () =>
      send(descriptor, rooms.content.stream(descriptor.digest)),
    );
}
