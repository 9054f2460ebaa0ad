import { EngineError, ErrorCode } from "#errors";
import {
  familiarName,
  familiarReference,
  formatReference,
  isIndexMediaType,
  parseImageConfig,
  parseReference,
  repositoryOf,
  withDefaultTag,
} from "#oci";
import type { Descriptor, Digest, ImageConfig, Platform, Reference } from "#oci";
import type { ImageContentRecord } from "#metadata";
import type { ImageContext } from "./context.ts";
import type { ImageTransfer } from "./imageService.ts";
import { checkPlatform } from "./pull/checkPlatform.ts";
import { pushOne } from "./push/pushOne.ts";
import { imageForPlatform, noSuchPlatform } from "./variants.ts";

type PushOptions = Parameters<ImageTransfer["push"]>[1];

/** A name that can be pushed. */
type Tagged = Reference & { readonly tag: string };

/** See `ImageTransfer.push`. */
export async function pushImage(context: ImageContext, reference: Reference, options: PushOptions): Promise<void> {
  if (reference.digest !== undefined) throw invalid("cannot push a digest reference");
  const { credentials, progress, signal, platform } = options;
  progress({ status: `The push refers to repository [${formatReference(repositoryOf(reference))}]` });
  const isAll = options.allTags === true;
  const named = isAll ? repositoryOf(reference) : withDefaultTag(reference);
  const images = imagesOf(context, named);
  const repository = context.remote.repository(reference, {
    scope: "push",
    ...(credentials === undefined ? {} : { credentials }),
  });
  for (const image of images) {
    const chosen = platform === undefined ? image : await ofPlatform(context, image, platform);
    await pushOne({ context, repository, progress, signal }, image.reference, chosen);
  }
  const [first] = images;
  const config = isAll || first === undefined ? undefined : await configOf(context, first.content.imageId);
  const Attributes = { ...config?.config?.Labels, name: familiarName(named) };
  context.events({ Type: "image", Action: "push", Actor: { ID: familiarReference(named), Attributes } });
}

/** One platform's manifest alone. */
async function ofPlatform(context: ImageContext, image: PushableImage, platform: Platform): Promise<PushableImage> {
  const { reference, content } = image;
  if (!isIndexMediaType(image.target.mediaType)) {
    checkPlatform(familiarReference(reference), await configOf(context, content.imageId), platform);
    return image;
  }
  const found = await imageForPlatform(context, content, { platform, key: formatReference(reference) });
  if (found === undefined) throw noSuchPlatform(familiarReference(reference), platform);
  return { reference, target: found.manifest, content: found };
}

interface PushableImage {
  readonly reference: Tagged;
  readonly target: Descriptor;
  readonly content: ImageContentRecord;
}

/** The tag, or all tags of the repository, by name. @throws {not_found} in Docker's words. */
function imagesOf({ metadata }: ImageContext, named: Reference): readonly PushableImage[] {
  const repository = formatReference(repositoryOf(named));
  const tagged = metadata.images.list().flatMap((record): PushableImage[] => {
    const { tag, digest, ...rest } = parseReference(record.reference);
    if (tag === undefined || digest !== undefined || formatReference(repositoryOf(rest)) !== repository) return [];
    const content = metadata.images.getContent(record.imageId);
    return content === undefined ? [] : [{ reference: { ...rest, tag }, target: record.target, content }];
  });
  if (tagged.length === 0) throw notFound(`An image does not exist locally with the tag: ${familiarName(named)}`);
  if (named.tag === undefined) return tagged.sort((a, b) => (a.reference.tag < b.reference.tag ? -1 : 1));
  const found = tagged.filter(({ reference }) => reference.tag === named.tag);
  if (found.length === 0) throw notFound(`tag does not exist: ${familiarReference(named)}`);
  return found;
}

async function configOf(context: ImageContext, imageId: Digest): Promise<ImageConfig> {
  return parseImageConfig(await context.content.read(imageId));
}

function notFound(message: string): EngineError {
  return new EngineError("not_found", ErrorCode.IMAGE_NOT_FOUND, message);
}

function invalid(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_REFERENCE, message);
}
