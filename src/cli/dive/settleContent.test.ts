import assert from "node:assert/strict";
import { test } from "node:test";
import { buildImageTree, NodeState } from "#analysis";
import type { NodeState as State, OpenImage } from "#analysis";
import { file } from "./dive.testkit.test.ts";
import { settleContent } from "./settleContent.ts";

/** Layer by layer what each file holds, in pieces of two lengths. */
const CONTENTS: readonly Readonly<Record<string, string>>[] = [
  { same: "abcdefgh", other: "abcdefgh", longer: "abc" },
  { same: "abcdefgh", other: "abcdefgX", longer: "abcd" },
];
const image: Pick<OpenImage, "readFile"> = {
  async *readFile(layer, path) {
    const text = CONTENTS[layer]?.[path] ?? "";
    const step = layer === 0 ? 3 : 5;
    for (let at = 0; at < text.length; at += step) yield Buffer.from(text.slice(at, at + step));
  },
};
const tree = buildImageTree(
  CONTENTS.map((files) =>
    Object.entries(files)
      .map(([path, text]) => file(path, text.length))
      .toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  ),
);
const stateOf = (path: string): State => tree.view(1, 1).stateOf(tree.find(path) ?? 0);

test("settleContent: files of one size are the same only when their bytes are", async () => {
  assert.equal(stateOf("same"), NodeState.modified);
  assert.equal(await settleContent(image, tree, new AbortController().signal), 1);
  assert.equal(stateOf("same"), NodeState.unmodified);
  assert.equal(stateOf("other"), NodeState.modified);
  assert.equal(stateOf("longer"), NodeState.modified);
  assert.deepEqual(tree.undecided(), []);
  await assert.rejects(
    settleContent(image, buildImageTree([[file("same", 8)], [file("same", 8)]]), AbortSignal.abort()),
  );
});
