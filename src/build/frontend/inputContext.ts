import type { HistoryEntry, ImageConfig } from "#oci";
import { digestOf, parseReference } from "#oci";
import type { BuiltTarget } from "../buildService.ts";
import type { Vertex } from "../graph/vertex.ts";
import { makeVertex, SCRATCH } from "./vertices.ts";

/** Entries that made a layer get the layer's time: for the build that goes on from here they are a base's. */
function historyOf({ image, createdAt }: BuiltTarget): readonly HistoryEntry[] {
  let layer = 0;
  return image.history.map((entry) => {
    if (entry.empty_layer === true) return entry;
    const made = createdAt[layer];
    layer += 1;
    return entry.created !== undefined || made === undefined
      ? entry
      : { ...entry, created: new Date(made).toISOString() };
  });
}

/** The image that another build would give. */
export function inputConfig(target: BuiltTarget): ImageConfig {
  const { image, diffIds, platform } = target;
  const { variant, architecture, os } = platform;
  return {
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    ...(image.author === undefined ? {} : { author: image.author }),
    config: image.config,
    history: historyOf(target),
    rootfs: { type: "layers", diff_ids: diffIds },
  };
}

/** Its layers, which are here: the other build's steps keep them. */
export function inputVertex(label: string, target: BuiltTarget): Vertex {
  const { diffIds, platform } = target;
  if (diffIds.length === 0) return SCRATCH;
  return makeVertex({
    name: `[context ${label}]`,
    hidden: true,
    operation: {
      kind: "image",
      reference: parseReference("scratch"),
      manifest: undefined,
      imageId: digestOf(diffIds.join(" ")),
      platform,
      diffIds,
      origin: "local",
    },
  });
}
