/**
 * `varve dive`: `sh tools/node.sh benchmarks/dive.ts [IMAGE [ROUNDS]]`. Without an image: from a key to what is written to
 * the terminal, in a tree of 100,000 files and among 200 layers, in this process. With one (of a daemon that runs, VARVE_HOST):
 * from exec of bin/varve to the first whole screen, and to its scores, in a pty of `script` (whose start, a shell and stty are
 * part of it), beside `varve version` without a terminal, which is what any command costs. Prints JSON, milliseconds.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { buildImageTree, scoreImage } from "#analysis";
import type { LayerEntry } from "#analysis";
import { openingState } from "../src/cli/dive/explorer/state.ts";
import type { State } from "../src/cli/dive/explorer/state.ts";
import { update } from "../src/cli/dive/explorer/update.ts";
import type { ExplorerEvent } from "../src/cli/dive/explorer/update.ts";
import { render } from "../src/cli/dive/render/render.ts";
import { Painter } from "../src/cli/dive/terminal/painter.ts";
import { themeOf } from "../src/cli/dive/terminal/theme.ts";

const [image, rounds = "7"] = process.argv.slice(2);
const VARVE = join(import.meta.dirname, "../bin/varve");
const ROWS = 24;
const TOO_LONG_MS = 30_000;

interface Figures {
  readonly median: number;
  readonly worst: number;
}

function figures(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b);
  const round = (value: number | undefined): number => Math.round((value ?? Number.NaN) * 100) / 100;
  return { median: round(sorted[sorted.length >> 1]), worst: round(sorted.at(-1)) };
}

const entry = (path: string, type: LayerEntry["type"], size: number): LayerEntry => ({
  path,
  type,
  mode: type === "directory" ? 0o755 : 0o644,
  uid: 0,
  gid: 0,
  size,
  mtimeSeconds: 1_700_000_000,
});

/** Directories of 100 files, two levels deep. */
function manyFiles(count: number, prefix = "d"): readonly LayerEntry[] {
  const entries: LayerEntry[] = [];
  for (let top = 0; top * 10_000 < count; top += 1) {
    const above = `${prefix}${String(top).padStart(3, "0")}`;
    entries.push(entry(above, "directory", 0));
    for (let below = 0; below < 100; below += 1) {
      const folder = `${above}/sub${String(below).padStart(2, "0")}`;
      entries.push(entry(folder, "directory", 0));
      for (let file = 0; file < 100; file += 1) {
        entries.push(entry(`${folder}/file-${String(file).padStart(2, "0")}.txt`, "file", file));
      }
    }
  }
  return entries;
}

function open(layers: readonly (readonly LayerEntry[])[]): State {
  const tree = buildImageTree(layers);
  const facts = {
    name: "bench",
    imageId: "",
    platform: "linux/amd64",
    layers: layers.map((_, index) => ({
      command: `RUN step ${index}`,
      diffId: `sha256:${"0".repeat(64)}`,
      digest: undefined,
      blobBytes: undefined,
      created: undefined,
      comment: undefined,
    })),
    tree,
    layerBytes: layers.map(() => 0),
    scores: scoreImage(tree),
  };
  return openingState(facts, { colors: "256", isLight: false, isUnicode: true }, { columns: 120, rows: 40 });
}

const key = (name: string): ExplorerEvent => ({ kind: "key", key: name, text: name.length === 1 ? name : undefined });

/** From the key to the bytes for the terminal. */
function pressed(start: State, names: readonly string[]): Figures {
  const painter = new Painter();
  const theme = themeOf(start.traits);
  painter.paint(render(start), theme);
  let state = start;
  const values: number[] = [];
  for (const name of names) {
    const before = performance.now();
    state = update(state, key(name)).state;
    painter.paint(render(state), theme);
    values.push(performance.now() - before);
  }
  return figures(values);
}

const repeated = (name: string, count: number): readonly string[] => Array.from({ length: count }, () => name);

function repaint(): Readonly<Record<string, Figures>> {
  const base = manyFiles(100_000);
  const files = open([base, base.filter((_, index) => index % 7 === 0), manyFiles(1000, "e")]);
  const inTree = update(files, key("tab")).state;
  const layers = open([
    base,
    ...Array.from({ length: 199 }, (_, index) => [
      entry("d000", "directory", 0),
      entry(`d000/l${index}`, "file", index),
    ]),
  ]);
  return {
    "100,000 files: down": pressed(inTree, repeated("down", 200)),
    "100,000 files: page down": pressed(inTree, repeated("pageDown", 200)),
    "100,000 files: a directory closed, opened": pressed(inTree, repeated("space", 20)),
    "100,000 files: all closed, opened": pressed(inTree, repeated("ctrl+space", 20)),
    "100,000 files: added hidden, shown": pressed(inTree, repeated("ctrl+a", 20)),
    "100,000 files: ordered by size, by name": pressed(inTree, repeated("o", 20)),
    "100,000 files: a filter typed": pressed(inTree, ["/", ..."sub07/file-3".split(""), ...repeated("backspace", 8)]),
    "100,000 files: another layer": pressed(files, [...repeated("down", 2), ...repeated("up", 2), "ctrl+a", "ctrl+l"]),
    "200 layers, 100,000 files: another layer": pressed(layers, repeated("down", 199)),
    "200 layers, 100,000 files: another layer, aggregated": pressed(
      update(layers, key("ctrl+a")).state,
      repeated("down", 199),
    ),
  };
}

/** Until the last row of the screen was written, and until the scores were. */
async function openOnce(name: string): Promise<readonly [screen: number, scores: number]> {
  const command = `stty rows ${ROWS} cols 80; exec ${VARVE} dive ${name}`;
  const start = performance.now();
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TERM: "xterm-256color", LC_ALL: "C.UTF-8" },
    timeout: TOO_LONG_MS,
  });
  let text = "";
  let screen: number | undefined;
  let scores: number | undefined;
  child.stdout.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
    if (text.includes(`\u001b[${ROWS};1H`)) screen ??= performance.now() - start;
    if (screen === undefined || scores !== undefined || !/Efficiency [^%]*\d+ %/.test(text)) return;
    scores = performance.now() - start;
    child.stdin.write("q");
  });
  await once(child, "exit");
  if (screen === undefined || scores === undefined) throw new Error(`dive ${name} showed nothing: ${text}`);
  return [screen, scores];
}

async function versionOnce(): Promise<number> {
  const start = performance.now();
  const child = spawn(VARVE, ["version", "--format", "{{.Client.Version}}"], { stdio: "ignore" });
  await once(child, "exit");
  return performance.now() - start;
}

async function opening(name: string): Promise<Readonly<Record<string, Figures>>> {
  const samples = { screen: [] as number[], scores: [] as number[], version: [] as number[] };
  // The first round warms caches and is not counted.
  for (let round = 0; round <= Number(rounds); round += 1) {
    const [screen, scores] = await openOnce(name);
    const version = await versionOnce();
    if (round === 0) continue;
    samples.screen.push(screen);
    samples.scores.push(scores);
    samples.version.push(version);
  }
  return {
    "exec to the first whole screen": figures(samples.screen),
    "exec to the scores": figures(samples.scores),
    "varve version": figures(samples.version),
  };
}

const results = image === undefined ? repaint() : await opening(image);
const machine = `${cpus()[0]?.model ?? "?"}, ${availableParallelism()} cores`;
console.log(JSON.stringify({ machine, load: loadavg(), image, milliseconds: results }, undefined, 2));
