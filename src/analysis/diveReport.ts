import { toDisplayPath } from "#tar";
import type { ImageTree } from "./imageTree.ts";
import type { ImageLayer, LayerEntry } from "./openImage.ts";
import type { ImageScores } from "./scores.ts";

interface DiveFile {
  readonly path: string;
  readonly typeFlag: number;
  readonly linkName: string;
  readonly size: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
  readonly isDir: boolean;
}

/** Type flags of tar headers, and Go's `os.FileMode` bit of each type. */
const TYPES: Readonly<Record<LayerEntry["type"], readonly [flag: string, modeBit: number]>> = {
  file: ["0", 0],
  directory: ["5", 2 ** 31],
  symlink: ["2", 2 ** 27],
  char: ["3", 2 ** 26 + 2 ** 21],
  block: ["4", 2 ** 26],
  fifo: ["6", 2 ** 25],
};

function fileModeOf(mode: number, typeBit: number): number {
  const setuid = (mode & 0o4000) === 0 ? 0 : 2 ** 23;
  const setgid = (mode & 0o2000) === 0 ? 0 : 2 ** 22;
  const sticky = (mode & 0o1000) === 0 ? 0 : 2 ** 20;
  return (mode & 0o777) + setuid + setgid + sticky + typeBit;
}

/** A directory that no header names. */
const IMPLIED: DiveFile = {
  path: "",
  typeFlag: 0,
  linkName: "",
  size: 0,
  fileMode: 0,
  uid: 0,
  gid: 0,
  isDir: false,
};

function nameInTar(entry: LayerEntry): string {
  const slash = entry.path.lastIndexOf("/") + 1;
  return entry.whiteout === true ? `${entry.path.slice(0, slash)}.wh.${entry.path.slice(slash)}` : entry.path;
}

function diveFileOf(entry: LayerEntry): DiveFile {
  if (entry.implied === true) return IMPLIED;
  const isLink = entry.hardLink === true;
  const [flag, typeBit] = isLink ? ["1", 0] : TYPES[entry.whiteout === true ? "file" : entry.type];
  return {
    path: toDisplayPath(nameInTar(entry)),
    typeFlag: flag.charCodeAt(0),
    linkName: toDisplayPath(entry.target ?? ""),
    size: entry.size,
    fileMode: fileModeOf(entry.mode, typeBit),
    uid: entry.uid,
    gid: entry.gid,
    isDir: entry.type === "directory",
  };
}

/** Sorts as dive walks: children before their directory, names of one directory by their bytes. */
function walkKey(entry: LayerEntry): string {
  // No name holds a NUL: a directory comes after all that it holds, and before the names that begin as it does.
  return `${nameInTar(entry).replaceAll("/", "\0")}\u0001`;
}

function filesOf(tree: ImageTree): readonly (readonly DiveFile[])[] {
  const { layers, entries, layerCount } = tree.arrays;
  const byLayer = Array.from({ length: layerCount }, (): LayerEntry[] => []);
  for (const [at, entry] of entries.entries()) byLayer[layers[at] ?? 0]?.push(entry);
  return byLayer.map((own) => {
    const keyed = own.map((entry) => ({ entry, key: walkKey(entry) }));
    return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ entry }) => diveFileOf(entry));
  });
}

/** The command of a layer as dive shows it. */
export function diveCommandOf(layer: ImageLayer): string {
  const command = layer.history?.created_by;
  return command === undefined ? "(missing)" : command.replace(/^\/bin\/sh -c /, "");
}

/** Go's encoder writes what could hurt in HTML and JavaScript as escapes. */
function asGoWrites(json: string): string {
  return json.replaceAll(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Name of a layer in the report. dive takes its folder in the archive, which a store has not: the diffID's hex here. */
function defaultId(layer: ImageLayer): string {
  return layer.diffId.slice(layer.diffId.indexOf(":") + 1);
}

/** The text that `dive --json` writes: two spaces, no newline at its end. Paths that are not UTF-8 are shown as latin1. */
export function diveReport(
  layers: readonly ImageLayer[],
  tree: ImageTree,
  scores: ImageScores,
  options: { readonly layerId?: (layer: ImageLayer) => string } = {},
): string {
  const { layerId = defaultId } = options;
  const files = filesOf(tree);
  const report = {
    layer: layers.map((layer, index) => ({
      index,
      id: layerId(layer),
      digestId: layer.diffId,
      sizeBytes: scores.layerBytes[index] ?? 0,
      command: diveCommandOf(layer),
      fileList: files[index] ?? [],
    })),
    image: {
      sizeBytes: scores.sizeBytes,
      inefficientBytes: scores.wastedBytes,
      efficiencyScore: scores.efficiency,
      fileReference: scores.inefficiencies.map(({ path, count, bytes }) => ({
        count,
        sizeBytes: bytes,
        file: `/${toDisplayPath(path)}`,
      })),
    },
  };
  return asGoWrites(JSON.stringify(report, undefined, 2));
}
