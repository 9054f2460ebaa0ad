import type { LayerFileOfStack } from "#layers";
import type { FileOperation } from "../graph/operation.ts";
import { DiskTree } from "./diskTree.ts";
import type { DiskTreeOptions } from "./diskTree.ts";
import type { SourceTree } from "./sourceTree.ts";
import { StackTree } from "./stackTree.ts";

/** Where files come from, as data that a worker can open. */
export type TreeLocation =
  | ({ readonly kind: "disk" } & DiskTreeOptions)
  | { readonly kind: "layers"; readonly layers: readonly LayerFileOfStack[] };

export interface FileTask {
  readonly operation: FileOperation;
  /** By the operation's input index; undefined where no action needs it: [0] is the base. */
  readonly inputs: readonly (TreeLocation | undefined)[];
  /** For the plain bytes of archives. */
  readonly spoolDirectory: string;
}

export function openTree(location: TreeLocation): Promise<SourceTree> {
  return location.kind === "disk" ? Promise.resolve(new DiskTree(location)) : StackTree.open(location.layers);
}

/** The trees of a task, opened once each; disposed together. */
export class OpenTrees implements AsyncDisposable {
  readonly #trees: readonly (SourceTree | undefined)[];

  static async open(locations: readonly (TreeLocation | undefined)[]): Promise<OpenTrees> {
    const trees: (SourceTree | undefined)[] = [];
    try {
      for (const location of locations) trees.push(location === undefined ? undefined : await openTree(location));
    } catch (error) {
      await new OpenTrees(trees)[Symbol.asyncDispose]();
      throw error;
    }
    return new OpenTrees(trees);
  }

  private constructor(trees: readonly (SourceTree | undefined)[]) {
    this.#trees = trees;
  }

  find(input: number): SourceTree | undefined {
    return this.#trees[input];
  }

  get(input: number): SourceTree {
    const tree = this.#trees[input];
    if (tree === undefined) throw new RangeError(`no input ${input}`);
    return tree;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tree of this.#trees) await tree?.[Symbol.asyncDispose]();
  }
}
