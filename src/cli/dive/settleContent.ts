import type { ImageTree, OpenImage, UndecidedContent } from "#analysis";

/** Larger files, and more than this together, stay "modified" unread: nobody waits for them. */
const MOST_FILE_BYTES = 16 * 1024 * 1024;
const MOST_BYTES = 128 * 1024 * 1024;

/** Takes chunks apart as another stream cuts them. */
class Bytes {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Whether these bytes come next. */
  async continuesWith(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; ) {
      if (await this.isAtEnd()) return false;
      const count = Math.min(this.#rest.length, bytes.length - at);
      if (Buffer.compare(this.#rest.subarray(0, count), bytes.subarray(at, at + count)) !== 0) return false;
      this.#rest = this.#rest.subarray(count);
      at += count;
    }
    return true;
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return true;
      this.#rest = next.value;
    }
    return false;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

/** Whether both hold the same bytes, however they are cut. Reads no further than the first difference. */
async function isSame(a: AsyncIterable<Uint8Array>, b: AsyncIterable<Uint8Array>): Promise<boolean> {
  const other = new Bytes(b);
  try {
    for await (const chunk of a) if (!(await other.continuesWith(chunk))) return false;
    return await other.isAtEnd();
  } finally {
    await other.close();
  }
}

/** The small ones first; of a hard link the size is not known, so it counts as nothing. */
function chosen(tree: ImageTree): readonly UndecidedContent[] {
  let total = 0;
  return tree
    .undecided()
    .filter(({ size }) => size <= MOST_FILE_BYTES)
    .toSorted((a, b) => a.size - b.size)
    .filter(({ size }) => (total += size * 2) <= MOST_BYTES);
}

/**
 * Compares files of the same size that two layers have at one path, as dive does, and tells the tree which are the same.
 * Answers how many are.
 */
export async function settleContent(
  image: Pick<OpenImage, "readFile">,
  tree: ImageTree,
  signal: AbortSignal,
): Promise<number> {
  let same = 0;
  for (const content of chosen(tree)) {
    signal.throwIfAborted();
    const { path, lowerLayer, upperLayer } = content;
    const [lower, upper] = [lowerLayer, upperLayer].map((layer) => image.readFile(layer, path, { signal }));
    if (lower === undefined || upper === undefined) continue;
    const answer = await isSame(lower, upper);
    tree.settle(content, answer);
    if (answer) same += 1;
  }
  return same;
}
