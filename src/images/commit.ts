import type { LayerInfo } from "#layers";
import { digestOf, familiarReference, hostPlatform } from "#oci";
import type { ContainerDefaults, Digest, DiffId, HistoryEntry, ImageConfig } from "#oci";
import { EngineError, ErrorCode } from "#errors";
import { TAR_END } from "#tar";
import { writePlainManifest } from "./archiveManifest.ts";
import type { PlainLayer } from "./archiveManifest.ts";
import { applyChanges } from "./changes.ts";
import { mergeDefaults } from "./commitConfig.ts";
import { readConfig } from "./configs.ts";
import type { ImageContext } from "./context.ts";
import { imageEvent } from "./imageEvents.ts";
import type { CommittedContainer } from "./imageService.ts";
import { takeLease } from "#metadata";
import type { ActLease } from "#metadata";
import { recordImage } from "./recordImage.ts";

/** See `ImageCommits.configFor`. */
export function configForCommit(
  container: ContainerDefaults,
  own: ContainerDefaults | undefined,
  changes: readonly string[],
): ContainerDefaults {
  return mergeDefaults(applyChanges(changes, own ?? container), container);
}

/** What is below a container that was made of no image. */
const NOTHING: ImageConfig = {
  architecture: hostPlatform().architecture,
  os: "linux",
  rootfs: { type: "layers", diff_ids: [] },
};

/** See `ImageCommits.commit`. */
export async function commitContainer(context: ImageContext, act: CommittedContainer): Promise<Digest> {
  using lease = takeLease(context.metadata, `commit ${act.containerId}`);
  try {
    const parent = act.parent === "" ? NOTHING : (await readConfig(context.content, act.parent)).config;
    const { diff_ids: below } = parent.rootfs;
    for (const diffId of below) lease.layer(diffId);
    const layer = await ingestUpper(context, lease, act);
    const config = childConfig(context, { parent, layer, act });
    const rawConfig = Buffer.from(JSON.stringify(config));
    const imageId = digestOf(rawConfig);
    const layers = [...below.map((diffId) => plainLayer(context, diffId)), ...(layer === undefined ? [] : [layer])];
    const manifest = writePlainManifest({ digest: imageId, size: rawConfig.length }, layers);
    for (const raw of [rawConfig, manifest.raw]) {
      lease.blob(digestOf(raw));
      await context.content.put(raw);
    }
    const { reference } = act;
    await recordImage(context, lease, {
      imageId,
      manifest: manifest.descriptor,
      target: manifest.descriptor,
      diffIds: config.rootfs.diff_ids,
      reference,
      withRepoDigest: false,
      isTagging: true,
    });
    if (reference !== undefined)
      imageEvent(context.events, "tag", { actor: imageId, name: familiarReference(reference), config });
    return imageId;
  } catch (error) {
    context.collector.schedule();
    throw error;
  }
}

/** The upper directory as a layer; undefined when the container changed nothing: dockerd's "empty layer". */
async function ingestUpper(
  context: ImageContext,
  lease: ActLease,
  { changes, signal }: CommittedContainer,
): Promise<LayerInfo | undefined> {
  const onVerified = (diffId: DiffId): void => lease.layer(diffId);
  await using writer = await context.layers.ingestTar(signal === undefined ? { onVerified } : { onVerified, signal });
  for await (const chunk of changes) await writer.write(chunk);
  if (writer.bytes <= TAR_END.length) return undefined;
  return (await writer.commit()).layer;
}

function plainLayer(context: ImageContext, diffId: DiffId): PlainLayer {
  const layer = context.layers.get(diffId);
  if (layer !== undefined) return layer;
  throw new EngineError("not_found", ErrorCode.LAYER_NOT_FOUND, `layer ${diffId} of the container's image is gone`);
}

/** Keys in the order of dockerd's own configs. */
function childConfig(
  context: ImageContext,
  made: { readonly parent: ImageConfig; readonly layer: LayerInfo | undefined; readonly act: CommittedContainer },
): ImageConfig {
  const { parent, layer, act } = made;
  const created = new Date(context.now()).toISOString();
  const entry: HistoryEntry = {
    created,
    ...(act.author === "" ? {} : { author: act.author }),
    ...(act.command === "" ? {} : { created_by: act.command }),
    ...(act.comment === "" ? {} : { comment: act.comment }),
    ...(layer === undefined ? { empty_layer: true } : {}),
  };
  const diffIds = [...parent.rootfs.diff_ids, ...(layer === undefined ? [] : [layer.diffId])];
  const { architecture, os, variant } = parent;
  return {
    architecture,
    ...(act.author === "" ? {} : { author: act.author }),
    config: act.config,
    container: act.containerId,
    container_config: act.containerConfig,
    created,
    history: [...(parent.history ?? []), entry],
    os,
    ...(parent["os.version"] === undefined ? {} : { "os.version": parent["os.version"] }),
    ...(act.parent === "" ? {} : { parent: act.parent }),
    rootfs: { type: "layers", diff_ids: diffIds },
    ...(variant === undefined ? {} : { variant }),
  };
}
