/** Image archives of other tools, read with the system's tar: an oracle that shares no code with this project's sources. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { buildImageTree, entriesOfTree, imageLayersOf } from "#analysis";
import type { ImageLayer, ImageTree } from "#analysis";
import { LayerTree } from "#erofs";
import { parseImageConfig } from "#oci";
import { readTarStream } from "#tar";

const FOLDER = resolve(import.meta.dirname, "../../../shared/fixtures/images");

export const archivesAreMissing: string | false = existsSync(FOLDER) ? false : "shared/fixtures/images is absent";

export interface ListedFile {
  readonly path: string;
  readonly size: number;
  readonly isDirectory: boolean;
}

export interface ArchivedImage {
  readonly layers: readonly ImageLayer[];
  /** Names of the layers' members in the archive. */
  readonly members: readonly string[];
  readonly listings: readonly (readonly ListedFile[])[];
  readonly tree: ImageTree;
}

function tarOf(args: readonly string[], input?: Uint8Array): Buffer {
  return execFileSync("tar", [...args], {
    input,
    stdio: ["pipe", "pipe", "ignore"],
    maxBuffer: 1 << 30,
    env: { ...process.env, TZ: "UTC", LC_ALL: "C" },
  });
}

function decompressed(bytes: Buffer): Buffer {
  if (bytes.readUInt16BE(0) === 0x1f8b) return gunzipSync(bytes);
  return bytes.readUInt32BE(0) === 0x28b52ffd ? zstdDecompressSync(bytes) : bytes;
}

const LINE = /^(.)\S+ \S+ +(\d+)(?:,\d+)? \S+ \S+ (.*?)(?: -> .*| link to .*)?$/;

/** `tar -tv` of a layer: what its headers say, in its order. */
function listingOf(tar: Buffer): readonly ListedFile[] {
  const lines = tarOf(["--numeric-owner", "--quoting-style=literal", "-tvf", "-"], tar).toString("latin1").split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const [, type, size, name] = LINE.exec(line) ?? [];
      if (name === undefined) throw new Error(`tar -tv says ${line}`);
      const path = name.replace(/^\.?\/+/, "").replace(/\/$/, "");
      // A device has its numbers where others have their size.
      return { path, size: type === "c" || type === "b" ? 0 : Number(size), isDirectory: type === "d" };
    })
    .filter(({ path }) => path !== "" && path !== ".");
}

async function treeOf(tars: readonly Buffer[]): Promise<ImageTree> {
  const layers = [];
  for (const tar of tars) {
    const tree = new LayerTree();
    for await (const { entry } of readTarStream([tar])) tree.add(entry);
    layers.push(entriesOfTree(tree.finish()));
  }
  return buildImageTree(layers);
}

interface Members {
  readonly Config: string;
  readonly Layers: readonly string[];
}

function membersOf(file: string, names: readonly string[]): Members {
  const json = (name: string) => JSON.parse(tarOf(["-xOf", file, name]).toString("utf8"));
  if (names.includes("manifest.json")) return json("manifest.json")[0];
  const blob = (digest: string): string => `blobs/${digest.replace(":", "/")}`;
  const manifest = json(blob(json("index.json").manifests[0].digest));
  return {
    Config: blob(manifest.config.digest),
    Layers: manifest.layers.map((layer: { readonly digest: string }) => blob(layer.digest)),
  };
}

export async function readArchive(name: string): Promise<ArchivedImage> {
  const file = resolve(FOLDER, name);
  const members = membersOf(file, tarOf(["-tf", file]).toString("utf8").split("\n"));
  const tars = members.Layers.map((layer) => decompressed(tarOf(["-xOf", file, layer])));
  return {
    layers: imageLayersOf(parseImageConfig(tarOf(["-xOf", file, members.Config]))),
    members: members.Layers,
    listings: tars.map(listingOf),
    tree: await treeOf(tars),
  };
}
