import { createHash } from "node:crypto";
import type { ImageTree } from "./imageTree.ts";
import { inTurns } from "./inTurns.ts";
import type { OpenImage } from "./openImage.ts";

/** sha256 in hex of a regular file of a layer; may answer from a cache. */
export type DigestOf = (image: OpenImage, layer: number, path: string) => Promise<string>;

/** A {@link DigestOf} that reads. */
export async function digestByReading(image: OpenImage, layer: number, path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of image.readFile(layer, path)) hash.update(chunk);
  return hash.digest("hex");
}

/** Each file is read once, however many ask. */
export function digestOnce(digestOf: DigestOf): DigestOf {
  const known = new Map<string, Promise<string>>();
  return (image, layer, path) => {
    const key = `${image.layers[layer]?.diffId ?? layer}:${path}`;
    const digest = known.get(key) ?? digestOf(image, layer, path);
    known.set(key, digest);
    return digest;
  };
}

export interface SettleOptions {
  /** Only the copies of this path (clean, latin1). */
  readonly path?: string;
  /** Files with more stay undecided. Default: none does. */
  readonly maxBytes?: number;
  readonly digestOf?: DigestOf;
  readonly signal?: AbortSignal;
}

/**
 * Compares the bytes of what a tree shows as modified only because nobody has: afterwards it says "modified" where dive
 * does. Returns how many turned out equal.
 */
export async function settleContents(image: OpenImage, tree: ImageTree, options: SettleOptions = {}): Promise<number> {
  const { path: only, maxBytes = Infinity, digestOf = digestByReading, signal } = options;
  const digest = digestOnce(digestOf);
  const questions = tree.undecided().filter(({ path }) => only === undefined || path === only);
  const answers = await inTurns(questions, async (content) => {
    signal?.throwIfAborted();
    if (content.size > maxBytes) return false;
    const { path, lowerLayer, upperLayer } = content;
    const isSame = (await digest(image, lowerLayer, path)) === (await digest(image, upperLayer, path));
    tree.settle(content, isSame);
    return isSame;
  });
  return answers.filter((isSame) => isSame).length;
}
