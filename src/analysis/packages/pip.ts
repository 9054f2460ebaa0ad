import { parentOf } from "#tar";
import type { FoundPackage, PackageFiles } from "./package.ts";
import { MAX_PACKAGES } from "./package.ts";
import { parseStanza } from "./stanzas.ts";

/** The file of each kind of metadata that names the package, and the one that lists its files. */
interface Kind {
  readonly suffix: string;
  readonly metadata: string;
  readonly list: string;
}

const KINDS: readonly Kind[] = [
  { suffix: ".dist-info", metadata: "METADATA", list: "RECORD" },
  { suffix: ".egg-info", metadata: "PKG-INFO", list: "installed-files.txt" },
];

/** A relative path of a list, from the directory it is relative to; "" when it leads out of the root. */
export function joinPath(folder: string, path: string): string {
  const parts = path.startsWith("/") || folder === "" ? [] : folder.split("/");
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return "";
  }
  return parts.join("/");
}

/** First fields of the lines of a RECORD (CSV: path, hash, size; RFC 4180 quotes). */
export function parseRecord(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => {
      const quoted = /^"((?:[^"]|"")*)"/.exec(line)?.[1];
      return quoted === undefined ? (line.split(",")[0] ?? "") : quoted.replaceAll('""', '"');
    })
    .filter((path) => path !== "");
}

/** The headers of a METADATA or PKG-INFO end at the first empty line. */
function headersOf(bytes: Buffer): ReadonlyMap<string, string> {
  return parseStanza(bytes.toString("latin1").split(/\r?\n\r?\n/, 1)[0] ?? "");
}

interface Place {
  readonly path: string;
  readonly kind: Kind;
  /** An egg-info may be the metadata itself. */
  readonly isFile: boolean;
}

function placesOf(source: PackageFiles): readonly Place[] {
  const { tree, view } = source.merged;
  const places: Place[] = [];
  for (let node = 1; node < tree.nodeCount && places.length < MAX_PACKAGES; node++) {
    const kind = KINDS.find(({ suffix }) => tree.nameOf(node).endsWith(suffix));
    if (kind === undefined || !view.isPresent(node)) continue;
    const type = view.entryOf(node)?.type;
    const isEggFile = type === "file" && kind.suffix === ".egg-info";
    if (type === "directory" || isEggFile) places.push({ path: tree.pathOf(node), kind, isFile: type === "file" });
  }
  return places;
}

async function filesOf(source: PackageFiles, { path, kind, isFile }: Place): Promise<readonly string[]> {
  if (isFile) return [path];
  const list = source.wantsFiles ? await source.read(`${path}/${kind.list}`) : undefined;
  if (list === undefined) return [];
  const from = kind.suffix === ".dist-info" ? parentOf(path) : path;
  const paths =
    kind.suffix === ".dist-info" ? parseRecord(list.toString("latin1")) : list.toString("latin1").split(/\r?\n/);
  return paths
    .filter((item) => item !== "")
    .map((item) => joinPath(from, item))
    .filter((item) => item !== "");
}

async function packageAt(source: PackageFiles, place: Place): Promise<FoundPackage | undefined> {
  const { path, kind, isFile } = place;
  const bytes = await source.read(isFile ? path : `${path}/${kind.metadata}`);
  if (bytes === undefined) return undefined;
  const headers = headersOf(bytes);
  const [name, version] = [headers.get("name"), headers.get("version")];
  if (name === undefined || version === undefined) return undefined;
  return {
    pkg: { manager: "pip", name, version, arch: undefined, location: path },
    files: await filesOf(source, place),
    directories: isFile ? [] : [path],
  };
}

/** Python packages with metadata, whoever installed them. */
export async function readPip(source: PackageFiles): Promise<readonly FoundPackage[]> {
  const found = await source.all(placesOf(source), (place) => packageAt(source, place));
  return found.filter((item) => item !== undefined);
}
