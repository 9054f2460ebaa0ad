import { EngineError, ErrorCode } from "#errors";
import { familiarReference, formatPlatform, parseReference, platformRank, withDefaultTag } from "#oci";
import type { DiffId, HistoryEntry, ImageConfig, Reference } from "#oci";
import { TAR_END } from "#tar";
import { takeLease } from "#metadata";
import type { ActLease } from "#metadata";
import type { ImageContext } from "../context.ts";
import type { ImageBuilding } from "../imageBuilding.ts";
import type { ImageReshaping, RebaseOptions, ReshapedImage, ReshapeOptions } from "../imageReshaping.ts";
import type { FoundImage } from "../imageService.ts";
import { isIdPrefix, lookup } from "../lookup.ts";
import { historyOfBase, isPrefix, largestBase, layersBelowStep } from "./bases.ts";
import type { LocalBase } from "./bases.ts";
import { changesTar } from "./changesTar.ts";
import { rebaseConfig } from "./rebaseConfig.ts";
import { rebaseConflicts } from "./rebaseConflicts.ts";

/** What an act works with. */
interface Act {
  readonly context: ImageContext;
  readonly record: ImageBuilding["recordBuilt"];
  readonly name: string;
  readonly image: FoundImage;
  readonly lease: ActLease;
  readonly options: ReshapeOptions;
}

const LISTED_PATHS = 50;

/** See `ImageReshaping`. */
export function createImageReshaping(context: ImageContext, record: ImageBuilding["recordBuilt"]): ImageReshaping {
  const begin = async (
    name: string,
    options: ReshapeOptions,
    work: (act: Act) => Promise<ReshapedImage>,
  ): Promise<ReshapedImage> => {
    using lease = takeLease(context.metadata, `reshape ${name}`);
    try {
      const image = await lookup(context, name, options.platform);
      lease.blob(image.imageId);
      for (const diffId of image.diffIds) lease.layer(diffId);
      return await work({ context, record, name, image, lease, options });
    } catch (error) {
      context.collector.schedule();
      throw error;
    }
  };
  return {
    squash: (name, options) =>
      begin(name, options, async (act) => {
        const step = options.fromStep;
        const isDefault = step === undefined;
        const base = isDefault ? await largestBase(context, act.image) : undefined;
        const below = isDefault ? (base?.diffIds.length ?? 0) : layersBelowStep(act.image, step);
        const kept = isDefault ? historyOfBase(act.image.config.history ?? [], below, base?.config) : step - 1;
        return await squash(act, { below, kept, command: isDefault ? "squash" : `squash --from ${step}` });
      }),
    flatten: (name, options) => begin(name, options, (act) => squash(act, { below: 0, kept: 0, command: "flatten" })),
    rebase: (name, options) => begin(name, options, (act) => rebase(act, options)),
  };
}

interface Squash {
  /** Layers that stay. */
  readonly below: number;
  /** Entries of the history that stay. */
  readonly kept: number;
  readonly command: string;
}

async function squash(act: Act, { below, kept, command }: Squash): Promise<ReshapedImage> {
  const { image, options } = act;
  const { diffIds, config } = image;
  const count = diffIds.length - below;
  if (count < 2) {
    options.progress({ status: `${count === 0 ? "No layer" : "One layer"} from there on: nothing to do` });
    return await finish(act, undefined, diffIds);
  }
  options.progress({ status: `Merging ${count} layers${below === 0 ? "" : `, keeping ${below} below`}` });
  const merged = await mergeLayers(act, below);
  const history = config.history ?? [];
  const comment = `${count} layers of ${image.imageId} as ${merged === undefined ? "none: they change nothing" : "one"}`;
  const entries = [
    ...history.slice(0, kept),
    // What was done stays told; the layer of it all is the last entry's.
    ...history.slice(kept).map((entry): HistoryEntry => ({ ...entry, empty_layer: true })),
    ownEntry(act, command, comment, merged === undefined),
  ];
  const made = [...diffIds.slice(0, below), ...(merged === undefined ? [] : [merged])];
  return await finish(act, withHistory(act, entries, made), made);
}

/** The layers from an index on as one layer in the store; undefined when together they change nothing. */
async function mergeLayers({ context, image, lease, options }: Act, below: number): Promise<DiffId | undefined> {
  const { signal, progress } = options;
  await using view = await context.layers.openView(image.diffIds);
  const onVerified = (diffId: DiffId): void => lease.layer(diffId);
  await using writer = await context.layers.ingestTar(signal === undefined ? { onVerified } : { onVerified, signal });
  let told = 0;
  for await (const chunk of changesTar(view, below, signal)) {
    signal?.throwIfAborted();
    await writer.write(chunk);
    if (writer.bytes - told < PROGRESS_BYTES) continue;
    told = writer.bytes;
    progress({ id: "layer", status: "Writing", progressDetail: { current: told } });
  }
  if (writer.bytes <= TAR_END.length) return undefined;
  const { layer } = await writer.commit();
  progress({ id: "layer", status: "Written", progressDetail: {} });
  return layer.diffId;
}

const PROGRESS_BYTES = 8 << 20;

function ownEntry({ context }: Act, command: string, comment: string, isEmpty: boolean): HistoryEntry {
  return {
    created: new Date(context.now()).toISOString(),
    created_by: `varve image ${command}`,
    comment,
    ...(isEmpty ? { empty_layer: true } : {}),
  };
}

type Json = Readonly<Record<string, unknown>>;

/** The image's config, unknown fields too, with another history and other layers. */
function withHistory(
  { context, image }: Act,
  history: readonly HistoryEntry[],
  diffIds: readonly DiffId[],
  defaults?: ImageConfig["config"],
): Json {
  const { parent: _parent, container: _container, container_config: _config, ...rest } = parseRaw(image.rawConfig);
  return {
    ...rest,
    ...(defaults === undefined ? {} : { config: defaults }),
    created: new Date(context.now()).toISOString(),
    // Entries for some layers only would be read as those of the first.
    history: history.filter(({ empty_layer: isEmpty }) => isEmpty !== true).length === diffIds.length ? history : [],
    rootfs: { type: "layers", diff_ids: diffIds },
  };
}

/** It was parsed before, as a config. */
function parseRaw(raw: Uint8Array): Json {
  return JSON.parse(Buffer.from(raw).toString("utf8")) as Json;
}

async function rebase(act: Act, options: RebaseOptions): Promise<ReshapedImage> {
  const { context, image, lease } = act;
  const base = await baseOf(act, options);
  const onto = await lookup(context, options.onto);
  lease.blob(onto.imageId);
  for (const diffId of onto.diffIds) lease.layer(diffId);
  checkPlatforms(image, onto);
  const upper = image.diffIds.slice(base.diffIds.length);
  if (base.imageId === onto.imageId) {
    options.progress({ status: `${shortId(onto.imageId)} is its base: nothing to do` });
    return await finish(act, undefined, image.diffIds);
  }
  if (!options.force) await refuseConflicts(act, { base, onto, to: options.onto });
  // Not before: a refusal is a status of its own as long as nothing was sent.
  options.progress({
    status: `Moving ${upper.length === 1 ? "1 layer" : `${upper.length} layers`} from ${shortId(base.imageId)} to ${shortId(onto.imageId)}`,
  });
  const made = [...onto.diffIds, ...upper];
  const history = image.config.history ?? [];
  const entries = [
    ...(onto.config.history ?? []),
    ...history.slice(historyOfBase(history, base.diffIds.length, base.config)),
    ownEntry(
      act,
      `rebase --onto ${options.onto}`,
      `${image.imageId} moved from ${base.imageId} to ${onto.imageId}`,
      true,
    ),
  ];
  const defaults = rebaseConfig(image.config.config ?? {}, base.config.config ?? {}, onto.config.config ?? {});
  return await finish(act, withHistory(act, entries, made, defaults), made);
}

async function baseOf({ context, image, name }: Act, { from }: RebaseOptions): Promise<LocalBase> {
  if (from === undefined) {
    const base = await largestBase(context, image);
    if (base !== undefined) return base;
    throw failed(`no image here is the base of ${name}: name it with --from`);
  }
  const { imageId, config, diffIds } = await lookup(context, from);
  if (isPrefix(diffIds, image.diffIds)) return { imageId, config, diffIds };
  throw failed(`${from} is not the base of ${name}: its layers are not the first ones of it`);
}

function checkPlatforms({ config }: FoundImage, onto: FoundImage): void {
  if (platformRank(config, onto.config) === 0) return;
  throw failed(`the new base is for ${formatPlatform(onto.config)}, the image for ${formatPlatform(config)}`);
}

async function refuseConflicts(
  { context, image, name, options }: Act,
  { base, onto, to }: { readonly base: LocalBase; readonly onto: FoundImage; readonly to: string },
): Promise<void> {
  const stacks = { old: base.diffIds, next: onto.diffIds, upper: image.diffIds.slice(base.diffIds.length) };
  const paths = await rebaseConflicts(context.layers, stacks, options.signal);
  if (paths.length === 0) return;
  const more = paths.length - LISTED_PATHS;
  const listed = `${paths.slice(0, LISTED_PATHS).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  const what = paths.length === 1 ? "a path" : `${paths.length} paths`;
  const message = `cannot rebase ${name} onto ${to}: its layers touch ${what} that the base changed: ${listed}`;
  throw new EngineError("conflict", ErrorCode.REBASE_CONFLICT, message, {
    details: { paths },
    hint: "--force keeps what the image's layers say",
  });
}

/** Records the new image, or gives the old one another name when `config` is undefined. */
async function finish(act: Act, config: Json | undefined, diffIds: readonly DiffId[]): Promise<ReshapedImage> {
  const { image, lease, options, context } = act;
  const reference = options.tag === undefined ? nameOf(act) : withDefaultTag(options.tag);
  const raw = config === undefined ? image.rawConfig : Buffer.from(JSON.stringify(config));
  const names = reference === undefined || (config === undefined && options.tag === undefined) ? [] : [reference];
  const record = config === undefined ? context.metadata.images.getContent(image.imageId)?.manifest : undefined;
  const imageId =
    config === undefined && names.length === 0
      ? image.imageId
      : await act.record({ config: raw, diffIds, names, manifest: record, target: undefined }, lease);
  if (reference !== undefined && imageId !== image.imageId) {
    const how = options.tag === undefined ? "was" : "made of";
    options.progress({
      status: `${familiarReference(reference)}: ${shortId(imageId)}, ${how} ${shortId(image.imageId)}`,
    });
  }
  return {
    imageId,
    was: image.imageId,
    reference,
    layersBefore: image.diffIds.length,
    layersAfter: diffIds.length,
  };
}

/** The tag that the image was asked for by; an ID or a digest names no place for a new one. */
function nameOf({ name, image }: Act): Reference | undefined {
  if (isIdPrefix(image.imageId, name)) return undefined;
  const reference = parseReference(name);
  return reference.digest === undefined ? withDefaultTag(reference) : undefined;
}

function shortId(imageId: string): string {
  return imageId.slice(imageId.indexOf(":") + 1).slice(0, 12);
}

function failed(message: string): EngineError {
  return new EngineError("failed_precondition", ErrorCode.IMAGE_CONFLICT, message);
}
