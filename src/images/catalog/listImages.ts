import type { Filters, ImageSummary } from "#engineapi";
import type { ImageContentRecord } from "#metadata";
import { familiarName, familiarReference } from "#oci";
import type { ImageConfig } from "#oci";
import { findConfig, readConfig } from "../configs.ts";
import type { ImageContext } from "../context.ts";
import { booleanFilter, checkFilterKeys, hasLabels, untilFilter } from "./filters.ts";
import { globPattern } from "./globPattern.ts";
import { countStacks, imageBytes, sharedBytes } from "./imageSize.ts";
import type { ImageCatalog } from "../imageService.ts";
import { findImage } from "../lookup.ts";
import { summarizeManifests } from "./manifestSummaries.ts";
import { hiddenVariants } from "../variants.ts";
import { namesOfAll, repoDigests, repoTags } from "./names.ts";
import type { ImageName } from "./names.ts";

type ListOptions = Parameters<ImageCatalog["list"]>[0];

const ACCEPTED = ["dangling", "label", "before", "since", "reference", "until"];

/** What a listing asks of an image's own data; times in ms since 1970, both bounds exclusive. */
interface ConfigFilter {
  readonly before: number;
  readonly since: number | undefined;
  readonly labels: readonly string[];
}

/** The rows of `docker images`, newest first. @throws {invalid_argument} for a filter, {not_found} for `before`/`since`. */
export async function listImages(context: ImageContext, options: ListOptions): Promise<readonly ImageSummary[]> {
  const { filters } = options;
  checkFilterKeys(filters, ACCEPTED);
  const dangling = booleanFilter(filters, "dangling");
  const patterns = filters.has("reference") ? (filters.get("reference") ?? []).map(globPattern) : undefined;
  const wanted = await configFilter(context, filters);
  const hidden = await hiddenVariants(context);
  const images = context.metadata.images.listContent().filter(({ imageId }) => !hidden.has(imageId));
  const stacks = countStacks(options.sharedSize === true ? images : []);
  const allNames = namesOfAll(context);
  const rows = await Promise.all(
    images.map(async (image) => {
      const config = await findConfig(context.content, image.imageId);
      if (!matchesConfig(config, wanted)) return undefined;
      const all = allNames.get(image.imageId) ?? [];
      const names = patterns === undefined ? all : all.filter((name) => matchesName(name, patterns));
      if (!matchesNames(names, { dangling, byReference: patterns !== undefined })) return undefined;
      const shared = options.sharedSize === true ? sharedBytes(context, image.diffIds, stacks) : -1;
      const row = summarize(context, image, { config, names, shared });
      const whole = options.manifests === true ? await withManifests(context, image, row) : row;
      return { row: whole, createdAt: createdAt(config) };
    }),
  );
  return rows
    .filter((found) => found !== undefined)
    .sort((a, b) => b.createdAt - a.createdAt || (a.row.Id < b.row.Id ? -1 : 1))
    .map(({ row }) => row);
}

/** A tree's trunk is as large as its branches: what the manifests hold on the disk, not only what is unpacked. */
async function withManifests(
  context: ImageContext,
  image: ImageContentRecord,
  row: ImageSummary,
): Promise<ImageSummary> {
  const Manifests = await summarizeManifests(context, image);
  return { ...row, Size: Manifests.reduce((sum, { Size }) => sum + Size.Total, 0), Manifests };
}

/** One row; `Containers` is -1 (not counted). */
export function summarize(
  context: ImageContext,
  image: ImageContentRecord,
  known: { readonly config: ImageConfig | undefined; readonly names: readonly ImageName[]; readonly shared: number },
): ImageSummary {
  const target = known.names[0]?.record.target ?? image.manifest;
  return {
    Containers: -1,
    Created: Math.floor(createdAt(known.config) / 1000),
    Id: image.imageId,
    Labels: known.config?.config?.Labels ?? null,
    ParentId: "",
    RepoDigests: repoDigests(known.names),
    RepoTags: repoTags(known.names),
    SharedSize: known.shared,
    Size: imageBytes(context, image.diffIds),
    Descriptor: { mediaType: target.mediaType, digest: target.digest, size: target.size },
  };
}

/** ms since 1970; 0 when the config does not say or is not here. */
export function createdAt(config: ImageConfig | undefined): number {
  const time = config?.created === undefined ? Number.NaN : Date.parse(config.created);
  return Number.isNaN(time) ? 0 : time;
}

async function configFilter(context: ImageContext, filters: Filters): Promise<ConfigFilter> {
  const times = (key: string): Promise<readonly number[]> =>
    Promise.all((filters.get(key) ?? []).map((name) => createdOf(context, name)));
  const since = await times("since");
  const before = [...(await times("before")), untilFilter(filters, context.now()) ?? Number.POSITIVE_INFINITY];
  return {
    before: Math.min(...before),
    since: since.length === 0 ? undefined : Math.max(...since),
    labels: filters.get("label") ?? [],
  };
}

async function createdOf(context: ImageContext, name: string): Promise<number> {
  return createdAt((await readConfig(context.content, findImage(context, name).imageId)).config);
}

function matchesConfig(config: ImageConfig | undefined, { before, since, labels }: ConfigFilter): boolean {
  const created = createdAt(config);
  return (
    created < before && (since === undefined || created > since) && hasLabels(labels, config?.config?.Labels ?? {})
  );
}

function matchesName({ reference }: ImageName, patterns: readonly RegExp[]): boolean {
  return patterns.some(
    (pattern) => pattern.test(familiarReference(reference)) || pattern.test(familiarName(reference)),
  );
}

function matchesNames(
  names: readonly ImageName[],
  { dangling, byReference }: { readonly dangling: boolean | undefined; readonly byReference: boolean },
): boolean {
  if (names.length === 0) return !byReference && dangling !== false;
  return dangling !== true || repoTags(names).length === 0;
}
