/**
 * What looking into an image costs once its entries are there: a made image of many layers, and archives.
 *
 *   sh tools/node.sh benchmarks/analysis.ts [docker-archive:FILE …] [--files 100000] [--layers 200] [--runs 7] [--json FILE]
 *
 * Reading an archive is not measured. Each figure is the median of the runs, and the first of them (a command runs once,
 * so its code is cold), in milliseconds of the main thread's processor time: that is what a busy machine cannot blur.
 */
import { writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { parseArgs } from "node:util";
import { buildImageTree, diffFiles, diveReport, explainPath, mergeImage, readPackages, scoreImage } from "#analysis";
import { compileSearch, imageLayersOf } from "#analysis";
import type { LayerEntry, OpenImage } from "#analysis";
import { digestOf, parseDiffId, parseImageConfig } from "#oci";
import { openImage } from "#transports";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    files: { type: "string", default: "100000" },
    layers: { type: "string", default: "200" },
    runs: { type: "string", default: "7" },
    json: { type: "string" },
  },
});
const RUNS = Number(values.runs);

/** The base holds all files; every layer above changes, adds and removes some. */
function madeLayers(files: number, layers: number): readonly (readonly LayerEntry[])[] {
  const pathOf = (index: number): string => `usr/lib/pkg${index % 997}/dir${index % 31}/file${index}`;
  const entryOf = (path: string, fields: Partial<LayerEntry>): LayerEntry => {
    return { path, type: "file", mode: 0o644, uid: 0, gid: 0, size: 100, mtimeSeconds: 0, ...fields };
  };
  return Array.from({ length: layers }, (_, layer) => {
    const own = new Map<string, LayerEntry>();
    const add = (path: string, fields: Partial<LayerEntry>): void => {
      for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
        const folder = path.slice(0, slash);
        if (!own.has(folder)) own.set(folder, entryOf(folder, { type: "directory", mode: 0o755, size: 0 }));
      }
      own.set(path, entryOf(path, fields));
    };
    if (layer === 0) for (let index = 0; index < files; index++) add(pathOf(index), {});
    else {
      for (let index = layer; index < files; index += Math.ceil(files / 100)) add(pathOf(index), { size: 100 + layer });
      add(pathOf(layer * 7), { type: "char", whiteout: true, size: 0 });
      add(`opt/new${layer}`, {});
    }
    const key = ({ path }: LayerEntry): string => path.replaceAll("/", "\0");
    return [...own.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  });
}

function madeImage(layers: readonly (readonly LayerEntry[])[]): OpenImage {
  const ids = layers.map((_, index) => parseDiffId(`sha256:${index.toString(16).padStart(64, "0")}`));
  const rawConfig = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: ids } }),
  );
  const config = parseImageConfig(rawConfig);
  return {
    name: `made of ${values.files} files in ${values.layers} layers`,
    imageId: digestOf(rawConfig),
    config,
    rawConfig,
    manifestDigest: undefined,
    layers: imageLayersOf(config),
    readLayer: async (index) => layers[index] ?? [],
    readFile: async function* () {
      yield new Uint8Array(0);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

interface Figure {
  readonly image: string;
  readonly what: string;
  readonly firstMs: number;
  readonly medianMs: number;
}

const figures: Figure[] = [];

async function measure(image: string, what: string, work: () => unknown): Promise<void> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const start = process.threadCpuUsage();
    await work();
    const { user, system } = process.threadCpuUsage(start);
    times.push((user + system) / 1000);
  }
  const [firstMs = 0] = times;
  const medianMs = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  figures.push({ image, what, firstMs: Math.round(firstMs * 10) / 10, medianMs: Math.round(medianMs * 10) / 10 });
  process.stdout.write(`${what.padEnd(44)} ${firstMs.toFixed(1).padStart(8)} ${medianMs.toFixed(1).padStart(8)} ms\n`);
}

async function measureImage(image: OpenImage): Promise<void> {
  const layers = await Promise.all(image.layers.map((layer) => image.readLayer(layer.index)));
  const entries = layers.reduce((sum, own) => sum + own.length, 0);
  process.stdout.write(`\n${image.name}: ${layers.length} layers, ${entries} entries           first   median\n`);
  const top = layers.length - 1;
  const of = (what: string, work: () => unknown): Promise<void> => measure(image.name, what, work);
  await of("tree", () => buildImageTree(layers));
  const tree = buildImageTree(layers);
  let selected = 0;
  await of("view of the next layer", () => tree.view(selected, selected++ % layers.length));
  await of("view of all layers over the base", () => tree.view(1, top));
  await of("scores", () => scoreImage(tree));
  const scores = scoreImage(tree);
  await of("JSON report", () => diveReport(image.layers, tree, scores));
  const merged = mergeImage(image, tree);
  const last = tree.pathOf(tree.nodeCount - 1);
  await of("why of one path", () => explainPath(merged, last));
  await of("packages", async () => await readPackages(merged));
  await of("packages with all files", async () => await readPackages(merged, { files: true }));
  const base = mergeImage(image, tree, 1);
  await of(
    "diff of the base and the whole, no reading",
    async () => await diffFiles(base, merged, { content: "never" }),
  );
  const matcher = compileSearch({ globs: ["**/*file*7"], larger: 50 });
  await of("search of all entries", () => layers.map((own) => own.filter((entry) => matcher.matches(entry)).length));
}

await measureImage(madeImage(madeLayers(Number(values.files), Number(values.layers))));
for (const source of positionals) {
  await using image = await openImage(source, { verify: false });
  await measureImage(image);
}
if (values.json !== undefined) {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), load: loadavg() };
  writeFileSync(
    values.json,
    `${JSON.stringify({ date: new Date().toISOString(), machine, runs: RUNS, figures }, undefined, 2)}\n`,
  );
}
