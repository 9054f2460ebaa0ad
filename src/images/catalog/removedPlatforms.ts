import type { ImageDeleteItem } from "#engineapi";
import type { ImageContentRecord } from "#metadata";
import { hostPlatform, parseReference, platformRank } from "#oci";
import type { Descriptor, Platform } from "#oci";
import { findConfig } from "../configs.ts";
import type { ImageContext } from "../context.ts";
import { conflict } from "../imageErrors.ts";
import { shortId } from "../layerProgress.ts";
import { findForPlatform, findImage, recordKey } from "../lookup.ts";
import { putName } from "../recordImage.ts";
import { childrenOf, indexesOf, noSuchPlatform, recordedVariant, variantsOf } from "../variants.ts";
import type { Variant } from "../variants.ts";
import { checkConflicts } from "./deleteConflicts.ts";
import { removeImage } from "./removeImage.ts";

/** A platform's image under an index. */
interface Member {
  readonly content: Pick<ImageContentRecord, "imageId" | "manifest">;
  readonly platform: Platform;
  /** undefined: the one that has the names. */
  readonly variant: Variant | undefined;
}

/**
 * `rmi --platform`: takes platforms from an image, whose names then are the others'; with the last of them the image goes.
 * @throws {not_found} when the image does not have one; {conflict} when a container uses it, or another image has it
 */
export async function removePlatforms(
  context: ImageContext,
  name: string,
  { platforms, force }: { readonly platforms: readonly Platform[]; readonly force: boolean },
): Promise<readonly ImageDeleteItem[]> {
  const image = findImage(context, name);
  const [index] = indexesOf(context, image, recordKey(parseReference(name)));
  const members = index === undefined ? [] : await membersOf(context, image, index);
  if (index === undefined || members.length <= 1) {
    for (const platform of platforms) await findForPlatform(context, name, platform);
    return await removeImage(context, name, { force });
  }
  const leaving = platforms.map((platform) => {
    const member = members.find((one) => platformRank(platform, one.platform) === 0);
    if (member === undefined) throw noSuchPlatform(name, platform);
    return member;
  });
  const left = members.filter((member) => !leaving.includes(member));
  if (left.length === 0) return await removeImage(context, name, { force });
  const others = await manifestsOfOthers(context, index);
  for (const { content } of leaving) {
    checkConflicts(context, content.imageId, { force, named: false });
    if (others.has(content.manifest.digest)) throw isShared(content);
  }
  if (leaving.some(({ variant }) => variant === undefined)) await handOn(context, image, { index, left });
  context.metadata.transaction(() => {
    for (const { content } of leaving) context.metadata.images.removeContent(content.imageId);
  });
  // The index still names them: what is not here is kept by nothing.
  for (const { content } of leaving) await context.content.remove(content.manifest.digest);
  await context.collector.collect();
  return leaving.map(({ content }) => ({ Deleted: content.manifest.digest }));
}

async function membersOf(
  context: ImageContext,
  image: ImageContentRecord,
  index: Descriptor,
): Promise<readonly Member[]> {
  const config = await findConfig(context.content, image.imageId);
  const own = config === undefined ? [] : [{ content: image, platform: config, variant: undefined }];
  const variants = await variantsOf(context, image, index);
  return [
    ...own,
    ...variants.map((variant) => ({
      content: { imageId: variant.imageId, manifest: variant.manifest },
      platform: variant.manifest.platform ?? variant.config,
      variant,
    })),
  ];
}

/** Manifests that names which do not point at this index need. */
async function manifestsOfOthers(context: ImageContext, index: Descriptor): Promise<ReadonlySet<string>> {
  const targets = context.metadata.images.list().map(({ target }) => target);
  const others = targets.filter(({ digest }) => digest !== index.digest);
  const children = await Promise.all(others.map((target) => childrenOf(context, target)));
  return new Set([...others, ...children.flat()].map(({ digest }) => digest));
}

function isShared({ imageId }: Member["content"]): Error {
  return conflict(
    `unable to delete ${shortId(imageId)} (must be forced) - image is referenced in multiple repositories`,
  );
}

/** The names of an index point at the best of those that are left. */
async function handOn(
  context: ImageContext,
  image: ImageContentRecord,
  { index, left }: { readonly index: Descriptor; readonly left: readonly Member[] },
): Promise<void> {
  const rankOf = ({ platform }: Member): number => platformRank(hostPlatform(), platform) ?? Number.POSITIVE_INFINITY;
  const [best] = [...left].sort((a, b) => rankOf(a) - rankOf(b));
  if (best?.variant === undefined) throw new Error("an image keeps none of its platforms");
  const names = context.metadata.images.listByImageId(image.imageId);
  const { imageId } = await recordedVariant(context, best.variant, names[0]?.reference ?? "variant");
  context.metadata.transaction(() => {
    for (const { reference, target } of names)
      if (target.digest === index.digest) putName(context, reference, { imageId, target });
  });
}
