import { toDisplayPath } from "#tar";
import type { ChangeName } from "../changes.ts";
import { diffConfig } from "../diff/diffConfig.ts";
import type { ConfigDifference } from "../diff/diffConfig.ts";
import { diffFiles, sharedLayersOf } from "../diff/diffFiles.ts";
import type { DiffFilesOptions, FileDifference } from "../diff/diffFiles.ts";
import { diffPackages } from "../diff/diffPackages.ts";
import type { PackageDifference } from "../diff/diffPackages.ts";
import { diffSizes } from "../diff/diffSizes.ts";
import type { SizeDifference } from "../diff/diffSizes.ts";
import { mergeImage } from "../mergedImage.ts";
import type { MergedImage } from "../mergedImage.ts";
import type { ImageTree } from "../imageTree.ts";
import type { LayerEntry, OpenImage } from "../openImage.ts";
import { readPackages } from "../packages/readPackages.ts";
import { shownPath } from "./imageFiles.ts";
import { layersAtStep } from "./imageStep.ts";

export const DIFF_PARTS = ["files", "packages", "config", "size"] as const;
export type DiffPart = (typeof DIFF_PARTS)[number];

/** How two images differ: `GET /varve/v1/images/{name}/diff`. Only the parts that were asked for. Paths are text. */
export interface DiffReply {
  readonly before: DiffSide;
  readonly after: DiffSide;
  /** Layers from the base up that both have. */
  readonly sharedLayers: number;
  readonly files?: readonly DiffedFile[];
  readonly packages?: readonly DiffedPackage[];
  readonly config?: readonly ConfigDifference[];
  /** Path "/" is the whole; then each name in the root. */
  readonly size?: readonly SizeDifference[];
  /** What could not be read, one line each. */
  readonly notes: readonly string[];
}

export interface DiffSide {
  readonly name: string;
  readonly imageId: string;
  readonly layers: number;
  readonly step?: number;
}

export interface DiffedFile {
  readonly kind: FileDifference["kind"];
  readonly path: string;
  readonly changes: readonly ChangeName[];
  readonly before?: FileFacts;
  readonly after?: FileFacts;
}

export interface FileFacts {
  readonly type: string;
  /** Octal. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly target?: string;
}

export interface DiffedPackage {
  readonly kind: PackageDifference["kind"];
  readonly manager: string;
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

/** One of two images, as it is after a step of its history. */
export interface ComparedImage {
  readonly image: OpenImage;
  readonly tree: ImageTree;
  readonly step: number | undefined;
}

export interface CompareOptions {
  readonly parts: readonly DiffPart[];
  /** See {@link DiffFilesOptions.content}. */
  readonly content: NonNullable<DiffFilesOptions["content"]>;
  readonly signal?: AbortSignal;
}

/** @throws {invalid_argument} for a step that an image does not have */
export async function compareImages(
  before: ComparedImage,
  after: ComparedImage,
  { parts, content, signal }: CompareOptions,
): Promise<DiffReply> {
  const [left, right] = [merged(before), merged(after)];
  const wants = (part: DiffPart): boolean => parts.includes(part);
  const aborts = signal === undefined ? {} : { signal };
  const packages = wants("packages") ? await bothPackages(left, right, aborts) : undefined;
  const sizes = wants("size") ? diffSizes(left, right) : undefined;
  const files = wants("files") ? await diffFiles(left, right, { content, ...aborts }) : undefined;
  return {
    before: sideOf(before, left),
    after: sideOf(after, right),
    sharedLayers: sharedLayersOf(left, right),
    ...(files === undefined ? {} : { files: files.map(fileOf) }),
    ...(packages === undefined ? {} : { packages: packages.differences }),
    ...(wants("config") ? { config: diffConfig(before.image.config, after.image.config) } : {}),
    ...(sizes === undefined ? {} : { size: sizes.map((size) => ({ ...size, path: shownPath(size.path) })) }),
    notes: packages?.notes ?? [],
  };
}

function merged({ image, tree, step }: ComparedImage): MergedImage {
  return mergeImage(image, tree, layersAtStep(image, step));
}

function sideOf({ image, step }: ComparedImage, { view }: MergedImage): DiffSide {
  const { name, imageId } = image;
  return { name, imageId, layers: view.to + 1, ...(step === undefined ? {} : { step }) };
}

async function bothPackages(
  left: MergedImage,
  right: MergedImage,
  options: { readonly signal?: AbortSignal },
): Promise<{ readonly differences: readonly DiffedPackage[]; readonly notes: readonly string[] }> {
  const [before, after] = [await readPackages(left, options), await readPackages(right, options)];
  const differences = diffPackages(before.packages, after.packages).map((difference) => ({
    kind: difference.kind,
    manager: difference.manager,
    name: difference.name,
    ...(difference.before === undefined ? {} : { before: difference.before.version }),
    ...(difference.after === undefined ? {} : { after: difference.after.version }),
  }));
  return { differences, notes: [...new Set([...before.notes, ...after.notes])] };
}

function fileOf({ kind, path, changes, before, after }: FileDifference): DiffedFile {
  return {
    kind,
    path: shownPath(path),
    changes,
    ...(before === undefined ? {} : { before: factsOf(before) }),
    ...(after === undefined ? {} : { after: factsOf(after) }),
  };
}

function factsOf({ type, mode, uid, gid, size, target }: LayerEntry): FileFacts {
  return {
    type,
    mode: mode.toString(8).padStart(4, "0"),
    uid,
    gid,
    size,
    ...(type === "symlink" && target !== undefined ? { target: toDisplayPath(target) } : {}),
  };
}
