import { Change, changeNames, changesBetween, MODIFYING } from "../changes.ts";
import type { ChangeName } from "../changes.ts";
import { inTurns } from "../inTurns.ts";
import type { MergedImage } from "../mergedImage.ts";
import type { LayerEntry } from "../openImage.ts";
import { digestByReading, digestOnce } from "../settleContents.ts";
import type { DigestOf } from "../settleContents.ts";

/** One path of two images that is not the same in both. */
export interface FileDifference {
  readonly kind: "added" | "removed" | "changed";
  /** Clean, latin1. */
  readonly path: string;
  /** Of "changed": what, the weightiest first. "undecided": of one size, and nobody has read them. */
  readonly changes: readonly ChangeName[];
  /** As each image has it; of a further name of a file with the attributes of that file. */
  readonly before: LayerEntry | undefined;
  readonly after: LayerEntry | undefined;
}

export interface DiffFilesOptions {
  /**
   * When files of one size are read: "never" (same time: taken as equal; else "undecided"), "unsure" (the default: only
   * those whose times differ) or "always".
   */
  readonly content?: "never" | "unsure" | "always";
  readonly digestOf?: DigestOf;
  readonly signal?: AbortSignal;
}

/** How many layers the two have in common from the base up: what only those hold is equal unseen. */
export function sharedLayersOf(a: MergedImage, b: MergedImage): number {
  const most = Math.min(a.view.to, b.view.to) + 1;
  let count = 0;
  while (count < most && a.image.layers[count]?.diffId === b.image.layers[count]?.diffId) count++;
  return count;
}

/** A file's bytes: where they lie, and the entry that knows about them. */
interface Bytes {
  readonly layer: number;
  readonly entry: LayerEntry;
}

class Side {
  readonly merged: MergedImage;
  /** By node: whether a layer that is not shared names it or something in it. */
  readonly #touched: Uint8Array;

  constructor(merged: MergedImage, shared: number) {
    this.merged = merged;
    const { tree, view } = merged;
    const { parents, starts, layers } = tree.arrays;
    this.#touched = new Uint8Array(tree.nodeCount);
    for (let node = tree.nodeCount - 1; node >= 0; node--) {
      for (let at = starts[node] ?? 0; at < (starts[node + 1] ?? 0); at++) {
        const layer = layers[at] ?? 0;
        if (layer >= shared && layer <= view.to) this.#touched[node] = 1;
      }
      if (this.#touched[node] === 1) this.#touched[parents[node] ?? 0] = 1;
    }
  }

  isTouched(node: number): boolean {
    return this.#touched[node] === 1;
  }

  presentChildren(node: number | undefined): readonly number[] {
    if (node === undefined) return [];
    return [...this.merged.tree.childrenOf(node)].filter((child) => this.merged.view.isPresent(child));
  }

  /** Of a hard link the file that it leads to. */
  bytesOf(node: number): Bytes | undefined {
    const { tree, view } = this.merged;
    const entry = view.entryOf(node);
    const layer = view.layerOf(node);
    if (entry === undefined) return undefined;
    if (entry.hardLink !== true) return { layer, entry };
    const target = tree.find(entry.target ?? "");
    if (target === undefined) return { layer, entry };
    const inLayer = tree.occurrencesOf(target).find((item) => item.layer === layer && item.entry.whiteout !== true);
    if (inLayer !== undefined) return { layer, entry: inLayer.entry };
    const standing = view.entryOf(target);
    return standing === undefined ? { layer, entry } : { layer: view.layerOf(target), entry: standing };
  }
}

/** A difference, or the question whether it is one. */
interface Candidate {
  readonly difference: FileDifference;
  readonly bits: number;
  readonly question: readonly [before: Bytes, after: Bytes] | undefined;
}

/** Walks both trees side by side. */
class Comparison {
  readonly candidates: Candidate[] = [];
  readonly #before: Side;
  readonly #after: Side;
  readonly #content: "never" | "unsure" | "always";

  constructor(before: Side, after: Side, content: "never" | "unsure" | "always") {
    this.#before = before;
    this.#after = after;
    this.#content = content;
  }

  children(before: number | undefined, after: number | undefined): void {
    const left = this.#before.presentChildren(before);
    const right = this.#after.presentChildren(after);
    for (let l = 0, r = 0; l < left.length || r < right.length; ) {
      const a = left[l];
      const b = right[r];
      const nameA = a === undefined ? undefined : this.#before.merged.tree.nameOf(a);
      const nameB = b === undefined ? undefined : this.#after.merged.tree.nameOf(b);
      const isA = nameA !== undefined && (nameB === undefined || nameA <= nameB);
      const isB = nameB !== undefined && (nameA === undefined || nameB <= nameA);
      this.#pair(isA ? a : undefined, isB ? b : undefined);
      if (isA) l++;
      if (isB) r++;
    }
  }

  #pair(before: number | undefined, after: number | undefined): void {
    // Present on both sides, so nothing above hides it: what only shared layers name is the same.
    if (before !== undefined && after !== undefined) {
      if (!this.#before.isTouched(before) && !this.#after.isTouched(after)) return;
      this.#compare(before, after);
    } else if (before !== undefined) {
      const entry = this.#before.bytesOf(before)?.entry;
      this.#add({
        kind: "removed",
        path: this.#before.merged.tree.pathOf(before),
        changes: [],
        before: entry,
        after: undefined,
      });
    } else if (after !== undefined) {
      const entry = this.#after.bytesOf(after)?.entry;
      this.#add({
        kind: "added",
        path: this.#after.merged.tree.pathOf(after),
        changes: [],
        before: undefined,
        after: entry,
      });
    }
    this.children(before, after);
  }

  #add(difference: FileDifference): void {
    this.candidates.push({ difference, bits: 0, question: undefined });
  }

  #compare(nodeBefore: number, nodeAfter: number): void {
    const before = this.#before.bytesOf(nodeBefore);
    const after = this.#after.bytesOf(nodeAfter);
    if (before === undefined || after === undefined || this.#isSameBlob(before, after)) return;
    const bits = this.#bitsOf(before.entry, after.entry);
    if ((bits & MODIFYING) === 0) return;
    const path = this.#before.merged.tree.pathOf(nodeBefore);
    this.candidates.push({
      difference: { kind: "changed", path, changes: changeNames(bits), before: before.entry, after: after.entry },
      bits,
      question: (bits & Change.undecided) !== 0 && this.#content !== "never" ? [before, after] : undefined,
    });
  }

  #bitsOf(before: LayerEntry, after: LayerEntry): number {
    const isMadeUp = before.implied === true || after.implied === true;
    if (isMadeUp && before.type === after.type) return 0;
    const bits = changesBetween(before, after);
    const trustsTime = this.#content !== "always" && (bits & Change.mtime) === 0;
    return trustsTime ? bits & ~Change.undecided : bits;
  }

  #isSameBlob(before: Bytes, after: Bytes): boolean {
    const idBefore = this.#before.merged.image.layers[before.layer]?.diffId;
    return idBefore === this.#after.merged.image.layers[after.layer]?.diffId && before.entry.path === after.entry.path;
  }
}

/**
 * The paths that differ, in the order of a walk; an added or removed directory is followed by all it holds. Layers that
 * both have at the bottom cost nothing; times alone are no difference.
 */
export async function diffFiles(
  before: MergedImage,
  after: MergedImage,
  options: DiffFilesOptions = {},
): Promise<readonly FileDifference[]> {
  const { content = "unsure", digestOf = digestByReading, signal } = options;
  const shared = sharedLayersOf(before, after);
  const comparison = new Comparison(new Side(before, shared), new Side(after, shared), content);
  comparison.children(0, 0);
  const digest = digestOnce(digestOf);
  const settled = await inTurns(comparison.candidates, async ({ difference, bits, question }) => {
    if (question === undefined) return difference;
    signal?.throwIfAborted();
    const [left, right] = question;
    const isSame =
      (await digest(before.image, left.layer, left.entry.path)) ===
      (await digest(after.image, right.layer, right.entry.path));
    const known = (bits & ~Change.undecided) | (isSame ? 0 : Change.content);
    return (known & MODIFYING) === 0 ? undefined : { ...difference, changes: changeNames(known) };
  });
  return settled.filter((difference) => difference !== undefined);
}
