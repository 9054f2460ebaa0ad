import type { ProgressSink } from "#engineapi";
import { categoryOf } from "#errors";
import {
  familiarName,
  familiarReference,
  formatReference,
  repositoryOf,
  withDefaultTag,
  withDigest,
  withTag,
} from "#oci";
import type { Digest, ImageConfig, Reference } from "#oci";
import type { RepositoryReader } from "#remote";
import type { ImageContext } from "./context.ts";
import type { ImageTransfer } from "./imageService.ts";
import { takeLease } from "#metadata";
import { checkPlatform } from "./pull/checkPlatform.ts";
import { fetchLayers } from "./pull/fetchLayers.ts";
import { resolveImage, resolveTarget } from "./pull/resolveImage.ts";
import type { ResolvedImage } from "./pull/resolveImage.ts";
import { throwIfAborted } from "./pull/slots.ts";
import { recordImage } from "./recordImage.ts";

type PullOptions = Parameters<ImageTransfer["pull"]>[1];

/** See `ImageTransfer.pull`. */
export async function pullImage(context: ImageContext, reference: Reference, options: PullOptions): Promise<void> {
  context.layers.warm();
  const { credentials } = options;
  const repository = context.remote.repository(reference, {
    scope: "pull",
    ...(credentials === undefined ? {} : { credentials }),
  });
  try {
    await pullNamed(context, new Pull(context, repository, options), { reference, options });
  } catch (error) {
    if (REFUSED.has(categoryOf(error))) context.collector.schedule();
    throw error;
  }
}

/** Such an image is not asked for again: what came of it goes. After a bad line it stays for the next pull. */
const REFUSED: ReadonlySet<string> = new Set(["data_loss", "invalid_argument", "resource_exhausted"]);

async function pullNamed(
  context: ImageContext,
  pull: Pull,
  { reference, options }: { readonly reference: Reference; readonly options: PullOptions },
): Promise<void> {
  const { progress } = options;
  if (options.allTags === true) {
    const isNewer = await pull.all(reference);
    tellStatus(progress, repositoryOf(reference), isNewer);
    tellEvent(context, repositoryOf(reference), undefined);
    return;
  }
  const named = asPulled(reference);
  const { isNewer, config, isChosen } = await pull.one(named);
  tellStatus(progress, named, isNewer);
  tellEvent(context, named, config);
  if (!isChosen) checkPlatform(familiarReference(named), config, options.platform);
}

/** A digest says it all: the tag beside it is dropped, as dockerd does. */
function asPulled(reference: Reference): Reference {
  return reference.digest === undefined ? withDefaultTag(reference) : withDigest(reference, reference.digest);
}

function tellStatus(progress: ProgressSink, reference: Reference, isNewer: boolean): void {
  const what = isNewer ? "Downloaded newer image" : "Image is up to date";
  progress({ status: `Status: ${what} for ${familiarReference(reference)}` });
}

function tellEvent(context: ImageContext, reference: Reference, config: ImageConfig | undefined): void {
  const Attributes = { ...config?.config?.Labels, name: familiarName(reference) };
  context.events({ Type: "image", Action: "pull", Actor: { ID: familiarReference(reference), Attributes } });
}

interface Pulled {
  /** The name did not point at this image before. */
  readonly isNewer: boolean;
  readonly config: ImageConfig;
  /** An index named it for the platform; that outweighs what its config says. */
  readonly isChosen: boolean;
}

/** The pulls of one request, all from one repository. */
class Pull {
  readonly #context: ImageContext;
  readonly #repository: RepositoryReader;
  readonly #options: PullOptions;

  constructor(context: ImageContext, repository: RepositoryReader, options: PullOptions) {
    this.#context = context;
    this.#repository = repository;
    this.#options = options;
  }

  /** Every tag, one after the other; true if any brought something. */
  async all(reference: Reference): Promise<boolean> {
    const { signal } = this.#options;
    const tags = await this.#repository.listTags(signal === undefined ? {} : { signal });
    let isNewer = false;
    for (const tag of tags) {
      const pulled = await this.one(withTag(reference, tag));
      isNewer ||= pulled.isNewer;
    }
    return isNewer;
  }

  async one(reference: Reference): Promise<Pulled> {
    const { progress, platform, signal } = this.#options;
    const context = this.#context;
    using lease = takeLease(context.metadata, `pull ${formatReference(reference)}`);
    const resolving = { context, lease, repository: this.#repository, platform, signal };
    const target = await resolveTarget(resolving, reference);
    progress({ status: `Pulling from ${reference.path}`, id: reference.tag ?? formatReference(reference) });
    const image = await resolveImage(resolving, target);
    const { imageId, diffIds } = idsOf(image);
    const before = context.metadata.images.get(formatReference(reference))?.imageId;
    const isKnown = this.#isKnown(imageId, lease);
    if (!isKnown) await fetchLayers({ context, lease, repository: this.#repository, progress, signal }, image.layers);
    this.#rememberSources(reference, image);
    throwIfAborted(signal);
    const { manifest, config } = image;
    await recordImage(context, lease, {
      imageId,
      manifest,
      target: image.target,
      diffIds,
      reference,
      withRepoDigest: true,
    });
    progress({ status: `Digest: ${image.target.digest}` });
    return { isNewer: before !== imageId, config, isChosen: target.kind === "index" };
  }

  /** An image that is here whole needs no lines about its layers. Leased first, then looked for. */
  #isKnown(imageId: Digest, lease: ReturnType<typeof takeLease>): boolean {
    const content = this.#context.metadata.images.getContent(imageId);
    if (content === undefined) return false;
    for (const diffId of content.diffIds) lease.layer(diffId);
    return content.diffIds.every((diffId) => this.#context.layers.get(diffId) !== undefined);
  }

  #rememberSources({ domain, path }: Reference, image: ResolvedImage): void {
    const { metadata } = this.#context;
    metadata.transaction(() => {
      for (const { digest } of [image.configDescriptor, ...image.layers.map((layer) => layer.descriptor)])
        metadata.layers.putSource({ digest, domain, path });
    });
  }
}

function idsOf(image: ResolvedImage): Pick<Parameters<typeof recordImage>[2], "imageId" | "diffIds"> {
  return { imageId: image.configDescriptor.digest, diffIds: image.layers.map((layer) => layer.diffId) };
}
