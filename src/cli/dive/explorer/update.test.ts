import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { after, openExample, press, screenOf } from "../dive.testkit.test.ts";
import { displayWidth } from "../terminal/textWidth.ts";
import type { ExplorerEvent } from "./update.ts";
import { layoutOf, nodeAtCursor, treeListSize } from "./state.ts";
import type { State } from "./state.ts";

const pathAt = (state: State): string => state.image.tree.pathOf(nodeAtCursor(state) ?? 0);
const shown = (state: State): readonly string[] =>
  Array.from(state.rows.nodes, (node) => state.image.tree.pathOf(node));

test("update: going through layers changes the tree, the cursor stays on its path", () => {
  const start = press(openExample(), "tab", "G", "up", "tab").state;
  assert.equal(pathAt(start), "usr/bin/env");
  const next = press(start, "down").state;
  assert.equal(next.layers.cursor, 1);
  assert.equal(pathAt(next), "usr/bin/env");
  assert.ok(shown(next).includes("app/main.js"));
});

test("update: a removed path is in its layer's tree, in the aggregated one, and gone in the one after nothing", () => {
  const last = press(openExample(), "G").state;
  assert.ok(shown(last).includes("usr/bin/su"));
  const aggregated = press(last, "ctrl+a").state;
  assert.equal(aggregated.mode, "aggregated");
  assert.equal(press(aggregated, "ctrl+l").state.mode, "layer");
});

test("update: states are hidden and shown by key in the tree", () => {
  const tree = press(openExample(), "down", "ctrl+a", "tab").state;
  const changedOnly = press(tree, "ctrl+u").state;
  assert.deepEqual(shown(changedOnly), ["app", "app/\x1b[31mred", "app/main.js", "etc", "etc/passwd"]);
  assert.deepEqual(shown(press(changedOnly, "ctrl+a").state), ["etc", "etc/passwd"]);
  assert.deepEqual(shown(press(changedOnly, "ctrl+a", "M").state), []);
  assert.deepEqual(shown(press(changedOnly, "U").state), shown(tree));
});

test("update: directories close and open, one by one and all; left and right go out and in", () => {
  const tree = press(openExample(), "tab", "ctrl+space").state;
  assert.deepEqual(shown(tree), ["bin", "etc", "usr"]);
  const inside = press(tree, "G", "right").state;
  assert.equal(pathAt(inside), "usr/bin");
  assert.equal(pathAt(press(inside, "left").state), "usr");
  assert.equal(press(press(inside, "left").state, "space").state.rows.nodes.length, 3);
  assert.ok(press(inside, "ctrl+space").state.rows.nodes.length > 4);
});

test("update: the filter narrows while it is typed, and ends with escape where one stood", () => {
  const typed = press(openExample(), "/", "e", "n", "v").state;
  assert.deepEqual(shown(typed), ["usr", "usr/bin", "usr/bin/env"]);
  assert.equal(pathAt(typed), "usr/bin/env");
  assert.equal(typed.filter?.isEditing, true);
  const kept = press(typed, "enter").state;
  assert.equal(kept.filter?.isEditing, false);
  const ended = press(kept, "escape").state;
  assert.equal(ended.filter, undefined);
  assert.equal(pathAt(ended), "usr/bin/env");
  assert.deepEqual(shown(after(press(openExample(), "/").state, { kind: "paste", text: "hosts\n" })), [
    "etc",
    "etc/hosts",
  ]);
});

test("update: letters that are keys elsewhere are text in the filter", () => {
  const { state, effects } = press(openExample(), "/", "q", "?", "i");
  assert.equal(state.filter?.input.text, "q?i");
  assert.deepEqual(effects, []);
});

test("update: viewing, extracting and quitting are effects", () => {
  const onFile = press(openExample(), "tab", "down", "down").state;
  const node = nodeAtCursor(onFile);
  assert.deepEqual(press(onFile, "enter").effects, [{ kind: "view", node }]);
  const extracting = press(onFile, "e");
  assert.equal(extracting.state.overlay?.kind, "destination");
  assert.deepEqual(press(extracting.state, "ctrl+u", "x", "enter").effects, [
    { kind: "extract", node, destination: "x", mayOverwrite: false },
  ]);
  assert.deepEqual(press(extracting.state, "escape").effects, []);
  assert.deepEqual(press(openExample(), "q").effects, [{ kind: "quit" }]);
  assert.deepEqual(press(extracting.state, "ctrl+c").effects, [{ kind: "quit" }]);
  assert.deepEqual(press(onFile, "ctrl+z").effects, [{ kind: "suspend" }]);
});

test("update: nothing is overwritten without a yes", () => {
  const asked = after(openExample(), { kind: "exists", node: 3, destination: "x" });
  assert.deepEqual(press(asked, "n").effects, []);
  assert.deepEqual(press(asked, "enter").effects, []);
  assert.deepEqual(press(asked, "y").effects, [{ kind: "extract", node: 3, destination: "x", mayOverwrite: true }]);
});

test("update: from a path that wastes to the tree, whatever was hidden", () => {
  const hidden = press(openExample(), "tab", "ctrl+m", "M", "ctrl+space", "tab").state;
  const there = press(hidden, "left", "enter").state;
  assert.equal(there.focus, "tree");
  assert.equal(pathAt(there), there.image.scores?.inefficiencies[0]?.path);
});

test("update: the mouse chooses panes and rows, a second click opens, the wheel scrolls", () => {
  const start = openExample();
  const { tree } = layoutOf(start).panes;
  const left = tree?.left ?? 0;
  const click = (column: number, row: number): ExplorerEvent => ({ kind: "mouse", action: "press", column, row });
  const onEtc = after(start, click(left + 3, 3));
  assert.equal(onEtc.focus, "tree");
  assert.equal(pathAt(onEtc), "etc");
  assert.ok(!shown(after(onEtc, click(left + 3, 3))).includes("etc/hosts"));
  assert.equal(after(start, click(3, 4)).layers.cursor, 2);
  const small = openExample({ columns: 80, rows: 10 });
  const rolled = after(small, { kind: "mouse", action: "wheelDown", column: left + 3, row: 5 });
  assert.ok(rolled.tree.top > 0);
  assert.equal(rolled.focus, "layers");
});

test("update: a light background is heard, a resize keeps the cursor in sight", () => {
  assert.equal(after(openExample(), { kind: "background", lightness: 0.9 }).traits.isLight, true);
  const state = after(press(openExample(), "tab", "G").state, { kind: "resize", columns: 60, rows: 12 });
  const { cursor, top } = state.tree;
  assert.ok(cursor >= top && cursor < top + treeListSize(state).height);
});

test("update: after any events the lists hold together, and each line is as wide as the screen", () => {
  const named = fc.constantFrom("up", "down", "pageUp", "pageDown", "home", "end", "left", "right", "tab", "shift+tab");
  const others = fc.constantFrom(
    "enter",
    "space",
    "escape",
    "backspace",
    "ctrl+space",
    "ctrl+a",
    "ctrl+l",
    "ctrl+r",
    "M",
  );
  const more = fc.constantFrom("ctrl+u", "ctrl+b", "o", "/", "?", "i", "e", "u", "d", "G", "y");
  const key = fc
    .oneof(named, others, more)
    .map((key): ExplorerEvent => ({ kind: "key", key, text: key.length === 1 ? key : undefined }));
  const place = { column: fc.nat(130), row: fc.nat(45) };
  const mouse = fc
    .record({ action: fc.constantFrom("press", "wheelUp", "wheelDown"), ...place })
    .map((event): ExplorerEvent => ({ kind: "mouse", ...event }));
  const resize = fc
    .record({ columns: fc.integer({ min: 1, max: 130 }), rows: fc.integer({ min: 1, max: 45 }) })
    .map((size): ExplorerEvent => ({ kind: "resize", ...size }));
  const events = fc.array(fc.oneof({ weight: 6, arbitrary: key }, mouse, resize), { maxLength: 40 });
  const start = openExample();
  fc.assert(
    fc.property(events, (list) => {
      const state = after(start, ...list);
      const { count, height } = treeListSize(state);
      const { cursor, top } = state.tree;
      assert.ok(cursor >= 0 && cursor < Math.max(count, 1));
      assert.ok(top >= 0 && top <= Math.max(count - height, 0));
      assert.ok(state.layers.cursor >= 0 && state.layers.cursor < 3);
      const lines = screenOf(state);
      assert.equal(lines.length, state.size.rows);
      for (const line of lines) assert.equal(displayWidth(line), state.size.columns);
    }),
  );
});
