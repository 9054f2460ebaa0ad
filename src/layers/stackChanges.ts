import { LayerStack } from "./layerStack.ts";
import type { StackNode } from "./layerStack.ts";
import type { StackChange } from "./mergedView.ts";

/**
 * What the layers from `from` up do to the stack below them, as one changeset: laid over that stack it gives what all layers give.
 * A parent comes before what is in it, whiteouts come where their names would, names in byte order.
 */
export function* stackChanges(stack: LayerStack, from: number): Generator<StackChange, void, void> {
  const root = stack.root();
  if (root === undefined) return;
  const base = new LayerStack(stack.layers.slice(0, from));
  const walk = new ChangeWalk(stack, base, from);
  if (walk.isNamed(root)) yield { kind: "entry", entry: root };
  const pending: Step[] = [{ node: root, below: base.root() }];
  for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
    const next: Step[] = [];
    yield* walk.directory(step, next);
    for (const later of next.reverse()) pending.push(later);
  }
}

/** A directory of the whole stack; `below`: the one of the lower stack that it shows too. */
interface Step {
  readonly node: StackNode;
  readonly below: StackNode | undefined;
}

class ChangeWalk {
  readonly #stack: LayerStack;
  readonly #base: LayerStack;
  readonly #from: number;

  constructor(stack: LayerStack, base: LayerStack, from: number) {
    this.#stack = stack;
    this.#base = base;
    this.#from = from;
  }

  /** True when a layer from `from` up says what the directory's attributes are. */
  isNamed({ layer, path }: StackNode): boolean {
    return layer >= this.#from && this.#stack.layers[layer]?.implied.has(path) !== true;
  }

  *directory({ node, below }: Step, next: Step[]): Generator<StackChange, void, void> {
    const names = this.#namesAbove(node);
    if (names.length === 0) return;
    // One listing of each layer, where asking for each name would walk down from the root.
    const visible = new Map(this.#stack.children(node).map((child) => [child.path, child]));
    for (const name of names) {
      const path = node.path === "" ? name : `${node.path}/${name}`;
      const lower = below === undefined ? undefined : this.#base.child(below, name);
      const shown = visible.get(path);
      if (shown === undefined) {
        if (lower !== undefined) yield { kind: "whiteout", path };
      } else if (shown.stat.type === "directory") {
        yield* this.#subdirectory(shown, lower, next);
      } else if (shown.layer >= this.#from) {
        yield { kind: "entry", entry: shown };
      } else {
        yield { kind: "lowerHardlink", path, target: this.#targetOf(node, name) };
      }
    }
  }

  *#subdirectory(shown: StackNode, lower: StackNode | undefined, next: Step[]): Generator<StackChange, void, void> {
    const isMerged = shown.places.some(({ layer }) => layer < this.#from);
    // Attributes that nobody named come from below, or else are those that an implied directory has.
    if (this.isNamed(shown) || !isMerged) yield { kind: "entry", entry: shown };
    if (!isMerged && lower?.stat.type === "directory") yield { kind: "opaque", path: shown.path };
    next.push({ node: shown, below: isMerged ? lower : undefined });
  }

  /** Every name that the upper layers hold in a directory, whiteouts too, in byte order. */
  #namesAbove(directory: StackNode): readonly string[] {
    const names = new Set<string>();
    for (const { layer, nid } of directory.places) {
      if (layer < this.#from) continue;
      const upper = this.#stack.layers[layer];
      for (const { name } of upper?.reader.image.readDirectory(nid) ?? []) names.add(name);
      for (const name of upper?.hardlinks.get(directory.path)?.keys() ?? []) names.add(name);
    }
    return [...names].sort();
  }

  #targetOf(directory: StackNode, name: string): string {
    for (const { layer } of directory.places) {
      const target = this.#stack.layers[layer]?.hardlinks.get(directory.path)?.get(name);
      if (target !== undefined) return target;
    }
    throw new Error("an entry of a lower layer that no hard link leads to");
  }
}
