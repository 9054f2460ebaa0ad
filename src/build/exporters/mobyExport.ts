import { EngineError, ErrorCode } from "#errors";
import { takeLease } from "#metadata";
import { digestOf, formatReference, withDefaultTag } from "#oci";
import type { Reference } from "#oci";
import type { BuiltTarget } from "../buildService.ts";
import type { StepProgress } from "../graph/handler.ts";
import { writeImageConfig } from "./imageConfig.ts";
import type { ExporterRooms } from "./exporterRooms.ts";
import type { OneExport } from "./oneExport.ts";

/** Shown as a line that began and ended. */
export async function shown<T>(progress: StepProgress, line: string, work: () => Promise<T>): Promise<T> {
  progress.status(line, { current: 0 });
  const result = await work();
  progress.status(line, { current: 0, done: true });
  return result;
}

/**
 * Into our own image store, as dockerd's moby exporter: the layers are in their place already, so an image is its config
 * and its names. Nothing is compressed before somebody pushes it.
 */
export function mobyExport(names: readonly Reference[]): OneExport {
  return {
    async run(rooms, job) {
      const [target, second] = job.targets;
      if (target === undefined || second !== undefined) {
        const message = "exporting multiple references to image store is currently unsupported";
        throw new EngineError("not_implemented", ErrorCode.NOT_IMPLEMENTED, message);
      }
      return await job.task("exporting to image", (progress) => store(rooms, { target, names, progress }));
    },
  };
}

interface Storing {
  readonly target: BuiltTarget;
  readonly names: readonly Reference[];
  readonly progress: StepProgress;
}

async function store(rooms: ExporterRooms, { target, names, progress }: Storing): Promise<Record<string, string>> {
  using lease = takeLease(rooms.metadata, "export image");
  const { diffIds, createdAt, image: draft, vertex } = target;
  for (const diffId of diffIds) lease.layer(diffId);
  if (vertex !== undefined || diffIds.length > 0) await shown(progress, "exporting layers", () => Promise.resolve());
  const config = writeImageConfig({ draft, diffIds, createdAt, epoch: undefined });
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
