import type { ProgressMessage } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import type { BaseRequest, RemoteBase } from "#images";
import type { LayerReads } from "#layers";
import { takeLease } from "#metadata";
import { formatReference, hexOf, withDigest } from "#oci";
import type { Descriptor, Reference } from "#oci";
import type { OperationHandler, Step, StepProgress } from "../graph/handler.ts";
import type { Filesystem, ImageSource } from "../graph/operation.ts";
import { openOrigin } from "./baseOrigin.ts";
import type { ImageSourceRooms } from "./createImageResolver.ts";
import { resolveError } from "./resolveErrors.ts";

export interface ImageHandlerRooms extends ImageSourceRooms {
  readonly layers: LayerReads;
}

type ImageStep = Step<ImageSource>;

/** Layers of a base, brought from where it was resolved when they are not here. */
export function createImageHandler(rooms: ImageHandlerRooms): OperationHandler<ImageSource> {
  return {
    // What it gives is known before anything is done: its diffIDs.
    keyInputs: ({ operation }) => Promise.resolve({ values: { layers: operation.diffIds.join(" ") } }),
    run: (step) => bring(rooms, step),
  };
}

async function bring(rooms: ImageHandlerRooms, step: ImageStep): Promise<Filesystem> {
  const { diffIds, origin, manifest, reference } = step.operation;
  for (const diffId of diffIds) step.lease.keepLayer(diffId);
  if (manifest !== undefined) {
    const shown = `resolve ${formatReference(withDigestOf(reference, manifest))}`;
    step.progress.status(shown, { current: 0 });
    step.progress.status(shown, { current: 0, done: true });
  }
  const missing = diffIds.filter((diffId) => rooms.layers.get(diffId) === undefined);
  if (missing.length > 0) {
    if (origin === "local") throw lost(reference, missing[0] ?? "");
    await fetch(rooms, step);
  }
  return { kind: "layers", diffIds };
}

function withDigestOf(reference: Reference, manifest: NonNullable<ImageSource["manifest"]>): Reference {
  return reference.digest === undefined ? { ...reference, digest: manifest } : reference;
}

function lost(reference: Reference, layer: string): EngineError {
  const message = `image ${formatReference(reference)}: its layer ${layer} is gone`;
  return new EngineError("data_loss", ErrorCode.LAYER_NOT_FOUND, message);
}

async function fetch(
  rooms: ImageHandlerRooms,
  { operation, session, progress, lease: kept, signal }: ImageStep,
): Promise<void> {
  const { reference, origin, manifest, platform } = operation;
  using lease = takeLease(rooms.metadata, `build from ${formatReference(reference)}`);
  try {
    const ociLayout = typeof origin === "object" ? origin.ociLayout : undefined;
    const from = await openOrigin(rooms.remote, reference, { session, ociLayout });
    const request: BaseRequest = { ...from, platform, lease, signal };
    const named = manifest === undefined ? reference : withDigest(reference, manifest);
    if (manifest !== undefined) lease.blob(manifest);
    const stored = manifest === undefined ? undefined : await rooms.images.storedBase(manifest);
    const base = stored ?? (await rooms.images.resolveBase(named, request));
    for (const { descriptor } of base.layers) kept.keepBlob(descriptor.digest);
    showDocuments(progress, base);
    await rooms.images.fetchBase(base, { ...request, progress: layerLines(progress, base) });
  } catch (error) {
    throw resolveError(error, reference);
  }
}

/** BuildKit counts manifest and config among what it brings; ours came when the base was resolved. */
function showDocuments(progress: StepProgress, { manifest, configDescriptor }: RemoteBase): void {
  for (const { digest, size } of [manifest, configDescriptor])
    progress.status(digest, { current: size, total: size, done: true });
}

/** Lines of a pull → BuildKit's: `sha256:… 3.15MB / 29.13MB`, `extracting sha256:…`. */
function layerLines(progress: StepProgress, base: RemoteBase): (message: ProgressMessage) => void {
  const byShort = new Map(base.layers.map(({ descriptor }) => [hexOf(descriptor.digest).slice(0, 12), descriptor]));
  return ({ id, status, progressDetail }) => {
    const layer = byShort.get(id ?? "");
    if (layer !== undefined)
      tellLayer(progress, layer, { status: status ?? "", current: progressDetail?.current ?? 0 });
  };
}

function tellLayer(
  progress: StepProgress,
  { digest, size }: Descriptor,
  told: { readonly status: string; readonly current: number },
): void {
  switch (told.status) {
    case "Pulling fs layer":
      return progress.status(digest, { current: 0, total: size });
    case "Downloading":
      return progress.status(digest, { current: told.current, total: size });
    case "Download complete":
      progress.status(digest, { current: size, total: size, done: true });
      return progress.status(`extracting ${digest}`, { current: 0 });
    case "Pull complete":
      return progress.status(`extracting ${digest}`, { current: 0, done: true });
    default:
  }
}
