import type { LayerFileOfStack } from "#layers";
import type { CopyAction, FileOperation } from "../graph/operation.ts";
import type { PackedContext } from "./contextDirectory.ts";
import { DiskTree } from "./diskTree.ts";
import type { DiskTreeOptions } from "./diskTree.ts";
import { PackedTree } from "./packedTree.ts";
import { selectEntries } from "./selectEntries.ts";
import type { Selection } from "./selectEntries.ts";
import type { SourceTree } from "./sourceTree.ts";
import { StackTree } from "./stackTree.ts";

/** Where files come from, as data that a worker can open. */
export type TreeLocation =
  | ({ readonly kind: "disk" } & DiskTreeOptions)
  | ({ readonly kind: "pack" } & PackedContext)
  | { readonly kind: "layers"; readonly layers: readonly LayerFileOfStack[]; readonly hashDirectory: string };

export interface FileTask {
  readonly operation: FileOperation;
  /** By the operation's input index; undefined where no action needs it: [0] is the base. */
  readonly inputs: readonly (TreeLocation | undefined)[];
  /** For the plain bytes of archives. */
  readonly spoolDirectory: string;
}

export async function openTree(location: TreeLocation): Promise<SourceTree> {
  switch (location.kind) {
    case "disk":
      return new DiskTree(location);
    case "pack":
      return new PackedTree(location);
    case "layers":
      return StackTree.open(location.layers, location.hashDirectory);
  }
}

/** The trees of a task, opened once each; disposed together. */
export class OpenTrees implements AsyncDisposable {
  readonly #trees: (SourceTree | undefined)[] = [];

  /** Opens what is not open yet. */
  async open(locations: readonly (TreeLocation | undefined)[]): Promise<void> {
    for (const [index, location] of locations.entries()) {
      if (location !== undefined) this.#trees[index] ??= await openTree(location);
    }
  }

  find(input: number): SourceTree | undefined {
    return this.#trees[input];
  }

  get(input: number): SourceTree {
    const tree = this.#trees[input];
    if (tree === undefined) throw new RangeError(`no input ${input}`);
    return tree;
  }

  settle(): void {
    for (const tree of this.#trees) tree?.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tree of this.#trees.splice(0)) await tree?.[Symbol.asyncDispose]();
  }
}

/**
 * The sources of a task with what its actions select. What a step's key was made of is what its layer is made of: both
 * passes use one of these where they can, and then nothing is walked or read twice.
 */
export class TaskSources implements AsyncDisposable {
  readonly trees: OpenTrees = new OpenTrees();
  /** Of the job under way. @throws {cancelled} */
  checkStop: () => void = () => undefined;
  readonly #selections = new Map<number, readonly Selection[]>();

  /** By the action's position. @throws {not_found} */
  select(index: number, action: CopyAction): readonly Selection[] {
    const known = this.#selections.get(index);
    if (known !== undefined) return known;
    const selected = selectEntries(this.trees.get(action.input), action);
    this.#selections.set(index, selected);
    return selected;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.trees[Symbol.asyncDispose]();
  }
}
