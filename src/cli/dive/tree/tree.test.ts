import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { buildImageTree, NodeState } from "#analysis";
import { toDisplayPath } from "#tar";
import { directory, exampleFacts, file } from "../dive.testkit.test.ts";
import { matchPaths } from "./pathFilter.ts";
import { listRows } from "./visibleRows.ts";
import type { RowRules } from "./visibleRows.ts";

const { tree } = exampleFacts();
const rules = (changes: Partial<RowRules> = {}): RowRules => ({
  hidden: new Set(),
  collapsed: new Uint8Array(tree.nodeCount),
  matching: undefined,
  order: "name",
  ...changes,
});
const paths = (nodes: Int32Array): readonly string[] => Array.from(nodes, (node) => toDisplayPath(tree.pathOf(node)));
const found = (text: string): readonly string[] => {
  const matching = matchPaths(tree, text);
  return paths(
    Int32Array.from({ length: tree.nodeCount - 1 }, (_, index) => index + 1).filter((node) => matching[node] === 1),
  );
};

test("filter: words match names loosely, in any order of words; what lies below matches too", () => {
  assert.deepEqual(found("pswd"), ["etc/passwd"]);
  assert.deepEqual(found("etc"), ["etc", "etc/hosts", "etc/passwd"]);
  assert.deepEqual(found("host etc"), ["etc/hosts"]);
  assert.deepEqual(found("zzz"), []);
  assert.equal(found("").length, tree.nodeCount - 1);
});

test("filter: a slash goes down; capitals count when there are any; any alphabet", () => {
  assert.deepEqual(found("usr/env"), ["usr/bin/env"]);
  assert.deepEqual(found("env/usr"), []);
  assert.deepEqual(found("ETC"), []);
  assert.deepEqual(found("café"), ["app/café.txt"]);
});

test("filter: letters that are scattered all over a name are no match", () => {
  const scattered = buildImageTree([[file("a-very-long-name-b", 1)]]);
  assert.equal(matchPaths(scattered, "ab")[1], 0);
  assert.equal(matchPaths(scattered, "avl")[1], 0);
  assert.equal(matchPaths(scattered, "avery")[1], 1);
});

test("rows: closed directories, hidden states, order by size", () => {
  const view = tree.view(1, 2);
  const collapsed = new Uint8Array(tree.nodeCount);
  collapsed[tree.find("app") ?? 0] = 1;
  const hidden = new Set<number>([NodeState.unmodified]);
  assert.deepEqual(paths(listRows(tree, view, rules({ collapsed, hidden })).nodes), [
    "app",
    "etc",
    "etc/passwd",
    "usr",
    "usr/bin",
    "usr/bin/su",
  ]);
  const bySize = paths(listRows(tree, view, rules({ order: "size" })).nodes);
  assert.deepEqual(
    bySize.filter((path) => !path.includes("/")),
    ["usr", "app", "etc", "bin"],
  );
});

test("rows: the last of each directory is known, whatever is shown", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(4), { maxLength: 12 }), fc.boolean(), (numbers, bySize) => {
      const entries = numbers.flatMap((number, index) => [
        directory(`d${number}`),
        file(`d${number}/f${index}`, number),
      ]);
      const unique = new Map(entries.map((entry) => [entry.path, entry]));
      const some = buildImageTree([[...unique.values()]]);
      const view = some.view(1, 0);
      const order = bySize ? ("size" as const) : ("name" as const);
      const collapsed = new Uint8Array(some.nodeCount);
      const { nodes, isLast } = listRows(some, view, { hidden: new Set(), collapsed, matching: undefined, order });
      assert.equal(nodes.length, some.nodeCount - 1);
      for (const [row, node] of nodes.entries()) {
        const later = nodes.subarray(row + 1).some((other) => some.parentOf(other) === some.parentOf(node));
        assert.equal(isLast[node] === 1, !later);
      }
    }),
  );
});
