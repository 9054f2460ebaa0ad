/** An image and its explorer for the tests of this folder. Named as a test so that it is exempt from what ships. */
import { buildImageTree, scoreImage } from "#analysis";
import type { LayerEntry } from "#analysis";
import { openingState } from "./explorer/state.ts";
import type { ImageFacts, State } from "./explorer/state.ts";
import { update } from "./explorer/update.ts";
import type { ExplorerEvent } from "./explorer/update.ts";
import type { Effect } from "./explorer/effects.ts";
import { render } from "./render/render.ts";
import { textOf } from "./terminal/line.ts";

type Fields = Partial<LayerEntry>;

export const file = (path: string, size: number, fields: Fields = {}): LayerEntry => ({
  path,
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size,
  mtimeSeconds: 1_700_000_000,
  ...fields,
});
export const directory = (path: string, fields: Fields = {}): LayerEntry =>
  file(path, 0, { type: "directory", mode: 0o755, ...fields });
const link = (path: string, target: string): LayerEntry => file(path, 0, { type: "symlink", mode: 0o777, target });
const gone = (path: string): LayerEntry => file(path, 0, { type: "char", mode: 0, whiteout: true });

/** Three layers: a base, one that changes and adds, one that removes. */
const LAYERS: readonly (readonly LayerEntry[])[] = [
  [
    link("bin", "usr/bin"),
    directory("etc"),
    file("etc/hosts", 20),
    file("etc/passwd", 1200),
    directory("usr"),
    directory("usr/bin"),
    file("usr/bin/env", 48_000, { mode: 0o755 }),
    file("usr/bin/su", 72_000, { mode: 0o4755 }),
  ],
  [
    directory("app"),
    file("app/main.js", 4000, { uid: 1000, gid: 1000 }),
    file("app/\u001b[31mred", 1),
    directory("etc"),
    file("etc/passwd", 1250),
  ],
  [directory("app"), file("app/caf\xc3\xa9.txt", 9), directory("usr"), directory("usr/bin"), gone("usr/bin/su")],
];

const COMMANDS = [
  "ADD rootfs.tar / # buildkit",
  "/bin/sh -c apt-get install -y app &&\n  rm -rf /tmp",
  "RUN rm /usr/bin/su",
];

export function factsOf(layers: readonly (readonly LayerEntry[])[], commands: readonly string[] = []): ImageFacts {
  const tree = buildImageTree(layers);
  const scores = scoreImage(tree);
  return {
    name: "example:1",
    imageId: `sha256:${"1".repeat(64)}`,
    platform: "linux/amd64",
    layers: layers.map((_, index) => ({
      command: commands[index] ?? `RUN step ${index}`,
      diffId: `sha256:${String(index).repeat(64).slice(0, 64)}`,
      digest: `sha256:${"abcdef".charAt(index % 6).repeat(64)}`,
      blobBytes: 1000 * (index + 1),
      created: "2026-01-02T03:04:05Z",
      comment: undefined,
    })),
    tree,
    layerBytes: scores.layerBytes,
    scores,
  };
}

export const exampleFacts = (): ImageFacts => factsOf(LAYERS, COMMANDS);

export function openExample(size = { columns: 80, rows: 24 }, facts: ImageFacts = exampleFacts()): State {
  return openingState(facts, { colors: "256", isLight: false, isUnicode: true }, size);
}

/** `tab`, `ctrl+a`, `x` … one after another; the effects are told in order. */
export function press(
  state: State,
  ...keys: readonly string[]
): { readonly state: State; readonly effects: readonly Effect[] } {
  let now = state;
  const effects: Effect[] = [];
  for (const key of keys) {
    const text = key === "space" ? " " : [...new Intl.Segmenter().segment(key)].length === 1 ? key : undefined;
    const step = update(now, { kind: "key", key, text });
    now = step.state;
    effects.push(...step.effects);
  }
  return { state: now, effects };
}

export const after = (state: State, ...events: readonly ExplorerEvent[]): State =>
  events.reduce((now, event) => update(now, event).state, state);

/** The screen as text. */
export const screenOf = (state: State): readonly string[] => render(state).lines.map(textOf);
