import { toDisplayPath } from "#tar";
import { baseImagesOf, baseOfLayer } from "../baseImages.ts";
import type { BaseImage, NamedLayers } from "../baseImages.ts";
import type { ChangeName } from "../changes.ts";
import { mergeImage } from "../mergedImage.ts";
import type { MergedImage } from "../mergedImage.ts";
import type { ImageTree } from "../imageTree.ts";
import type { OpenImage } from "../openImage.ts";
import { readPackages } from "../packages/readPackages.ts";
import type { PackageManager } from "../packages/package.ts";
import { explainPath } from "../pathHistory.ts";
import type { HiddenBy, PathEvent, PathHistory } from "../pathHistory.ts";
import { settleContents } from "../settleContents.ts";
import { shownPath } from "./imageFiles.ts";
import { layersAtStep } from "./imageStep.ts";

/** Why a path is in an image as it is: `GET /varve/v1/images/{name}/why`. Paths are text. */
export interface WhyReply {
  /** Absolute, symlinks of its directories followed. */
  readonly path: string;
  readonly present: boolean;
  /** Base first; empty when no layer names the path. */
  readonly events: readonly WhyEvent[];
  /** Bytes in layers that nobody sees any more. */
  readonly wastedBytes: number;
  /** Local images that this one is made from, the smallest first. */
  readonly bases: readonly BaseImage[];
  readonly packages: readonly WhyPackage[];
  /** What could not be read, one line each. */
  readonly notes: readonly string[];
}

export interface WhyEvent {
  readonly kind: PathEvent["kind"];
  readonly layer: number;
  readonly step: number;
  readonly diffId: string;
  readonly createdBy: string;
  readonly created?: string;
  /** Names of the smallest local image that brings this layer; absent when the image itself does. */
  readonly base?: readonly string[];
  readonly changes: readonly ChangeName[];
  readonly hiddenBy?: HiddenBy;
  readonly type?: string;
  readonly mode?: string;
  readonly size?: number;
  readonly wastedBytes: number;
}

export interface WhyPackage {
  readonly manager: PackageManager;
  readonly name: string;
  readonly version: string;
  readonly arch?: string;
}

/** What is asked. `known` are the images that may be bases. */
export interface WhyQuestion {
  /** latin1 */
  readonly path: string;
  readonly step?: number | undefined;
  readonly known: readonly NamedLayers[];
  readonly signal?: AbortSignal | undefined;
}

/** undefined when no layer names the path. @throws {invalid_argument} SYMLINK_LOOP */
export async function whyPath(image: OpenImage, tree: ImageTree, question: WhyQuestion): Promise<WhyReply | undefined> {
  const { path, step, known, signal } = question;
  const merged = mergeImage(image, tree, layersAtStep(image, step));
  const history = await settledHistory(merged, path, signal);
  if (history === undefined) return undefined;
  const bases = baseImagesOf(
    image.layers.map(({ diffId }) => diffId),
    known,
  );
  const packages = await readPackages(merged, { files: true, ...(signal === undefined ? {} : { signal }) });
  return {
    path: shownPath(history.path),
    present: history.entry !== undefined || history.path === "",
    events: history.events.map((event) => eventOf(event, bases)),
    wastedBytes: history.wastedBytes,
    bases,
    packages: packages.ownersOf(history.path).map(({ manager, name, version, arch }) => ({
      manager,
      name,
      version,
      ...(arch === undefined ? {} : { arch }),
    })),
    notes: packages.notes,
  };
}

/** One path's few copies are read to say whether they differ. */
async function settledHistory(
  merged: MergedImage,
  path: string,
  signal: AbortSignal | undefined,
): Promise<PathHistory | undefined> {
  const history = explainPath(merged, path);
  if (history?.events.every(({ changes }) => !changes.includes("undecided")) !== false) return history;
  await settleContents(merged.image, merged.tree, { path: history.path, ...(signal === undefined ? {} : { signal }) });
  return explainPath(merged, path);
}

function eventOf(event: PathEvent, bases: readonly BaseImage[]): WhyEvent {
  const { kind, layer, changes, hiddenBy, entry, wastedBytes } = event;
  const { created_by: createdBy = layer.history?.comment ?? "", created } = layer.history ?? {};
  const base = baseOfLayer(bases, layer.index)?.names;
  return {
    kind,
    layer: layer.index,
    step: layer.step,
    diffId: layer.diffId,
    createdBy,
    ...(created === undefined ? {} : { created }),
    ...(base === undefined ? {} : { base }),
    changes,
    ...(hiddenBy === undefined ? {} : { hiddenBy: { ...hiddenBy, path: `/${toDisplayPath(hiddenBy.path)}` } }),
    ...(entry === undefined
      ? {}
      : { type: entry.type, mode: entry.mode.toString(8).padStart(4, "0"), size: entry.size }),
    wastedBytes,
  };
}
