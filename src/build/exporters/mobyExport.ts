import { takeLease } from "#metadata";
import { digestOf, formatReference, withDefaultTag } from "#oci";
import type { Reference } from "#oci";
import type { BuiltTarget } from "../buildService.ts";
import { inlineCache } from "../caches/exportCaches.ts";
import type { StepProgress } from "../graph/handler.ts";
import { readAttestations } from "./attestations.ts";
import { imageExport } from "./imageExport.ts";
import type { ImageOptions } from "./imageOptions.ts";
import { writeImageConfig } from "./imageConfig.ts";
import type { ExporterRooms } from "./exporterRooms.ts";
import type { OneExport } from "./oneExport.ts";
import { shown } from "./shown.ts";

/**
 * Into our own image store, as dockerd's moby exporter: the layers are in their place already, so an image is its config
 * and its names. Nothing is compressed before somebody pushes it.
 */
export function mobyExport(options: ImageOptions): OneExport {
  const withManifest = imageExport(options);
  const { names, epoch } = options;
  return {
    async run(rooms, job) {
      const [target, second] = job.targets;
      const wish = readAttestations(job);
      // A client's own default makes no index of an image that stays here: nothing would read it.
      const isAttested = wish !== undefined && !wish.isInlineOnly;
      const isPlain = second === undefined && !job.request.options.multiPlatform && !isAttested;
      if (target === undefined || !isPlain || options.needsManifest || options.push || !options.store)
        return await withManifest.run(rooms, job);
      return await job.task("exporting to image", (progress) =>
        store(rooms, { target, names, epoch, progress, inlineCache: inlineCache(job, target) }),
      );
    },
  };
}

interface Storing {
  readonly target: BuiltTarget;
  readonly names: readonly Reference[];
  readonly epoch: number | undefined;
  readonly progress: StepProgress;
  readonly inlineCache: string | undefined;
}

async function store(
  rooms: ExporterRooms,
  { target, names, epoch, progress, inlineCache: cache }: Storing,
): Promise<Record<string, string>> {
  using lease = takeLease(rooms.metadata, "export image");
  const { diffIds, createdAt, image: draft, vertex } = target;
  for (const diffId of diffIds) lease.layer(diffId);
  if (vertex !== undefined || diffIds.length > 0) await shown(progress, "exporting layers", () => Promise.resolve());
  const config = writeImageConfig({ draft, diffIds, createdAt, epoch, inlineCache: cache });
  const imageId = digestOf(config);
  const references = names.map(withDefaultTag);
  const image = { config, diffIds, names: references, manifest: undefined, target: undefined };
  await shown(progress, `writing image ${imageId}`, () => rooms.images.recordBuilt(image, lease));
  for (const name of names) await shown(progress, `naming to ${formatReference(name)}`, () => Promise.resolve());
  return {
    "containerimage.config.digest": imageId,
    "containerimage.digest": imageId,
    ...(names.length === 0 ? {} : { "image.name": names.map(formatReference).join(",") }),
  };
}
