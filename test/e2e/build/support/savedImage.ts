import { createHash } from "node:crypto";
import { cleanTarPath, parseWhiteout, readTarStream, toDisplayPath } from "#tar";
import type { TarEntry } from "#tar";

/** Files changed after this were made by the build. */
const LONG_AGO = 1_750_000_000;
/** So were those of this time: varve gives what no source file lends a time the same one in every build. */
const MADE_AT = Date.UTC(1980, 1, 1) / 1000;

/** What a build made of an image, as far as two builders must agree on it. */
export interface BuiltImage {
  readonly config: Readonly<Record<string, unknown>>;
  readonly author?: string;
  readonly platform: string;
  /** Steps above the base: `created_by`, with `- ` before one without a layer. */
  readonly history: readonly string[];
  readonly layers: number;
  /** What differs from the base, by path. */
  readonly files: Readonly<Record<string, string>>;
}

interface Entry {
  readonly entry: TarEntry;
  readonly hash: string;
}

type Files = Map<string, Entry | "deleted">;

export type BaseFiles = ReadonlyMap<string, string>;

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function bodiesOf(tar: Uint8Array): Promise<ReadonlyMap<string, Buffer>> {
  const bodies = new Map<string, Buffer>();
  for await (const { entry, body } of readTarStream([tar])) {
    if (entry.type === "file") bodies.set(entry.path, await collect(body));
  }
  return bodies;
}

function jsonAt(bodies: ReadonlyMap<string, Buffer>, path: string): unknown {
  const bytes = bodies.get(path);
  if (bytes === undefined) throw new Error(`the archive has no ${path}`);
  return JSON.parse(bytes.toString());
}

function below(files: Files, directory: string): readonly string[] {
  return [...files.keys()].filter((path) => path.startsWith(`${directory}/`));
}

/** Children of a directory of the base: what hides them, be it one mark or many, is told by each. */
function childrenOf(base: BaseFiles, directory: string): readonly string[] {
  const prefix = directory === "" ? "" : `${directory}/`;
  return [...base.keys()].filter((path) => {
    return path !== "" && path.startsWith(prefix) && path !== directory && !path.slice(prefix.length).includes("/");
  });
}

function hide(path: string, files: Files, base: BaseFiles): void {
  for (const each of [path, ...below(files, path)]) files.delete(each);
  if (base.has(path)) files.set(path, "deleted");
}

async function applyLayer(tar: Uint8Array, files: Files, base: BaseFiles): Promise<void> {
  const added: [string, Entry][] = [];
  for await (const { entry, body } of readTarStream([tar])) {
    const path = cleanTarPath(entry.path);
    const whiteout = parseWhiteout(path);
    if (whiteout === undefined) {
      const hash = createHash("sha256")
        .update(await collect(body))
        .digest("hex")
        .slice(0, 12);
      added.push([path, { entry, hash }]);
    } else if (whiteout.kind === "remove") hide(whiteout.path, files, base);
    else if (whiteout.kind === "opaque") {
      const inside = [...below(files, whiteout.path), ...childrenOf(base, whiteout.path)];
      for (const each of inside) hide(each, files, base);
    }
  }
  for (const [path, entry] of added) {
    if (files.get(path) === "deleted") for (const each of childrenOf(base, path)) hide(each, files, base);
    if (entry.entry.type !== "directory") for (const each of below(files, path)) files.delete(each);
    files.set(path, entry);
  }
}

function timeOf({ mtimeSeconds }: TarEntry): string {
  return mtimeSeconds < LONG_AGO && mtimeSeconds !== MADE_AT ? `@${mtimeSeconds}` : "@now";
}

function attributesOf(entry: TarEntry): string {
  const xattrs = [...(entry.xattrs ?? new Map<string, Uint8Array>())].map(
    ([name, value]) => ` ${name}=${Buffer.from(value).toString("hex")}`,
  );
  return `${entry.mode.toString(8)} ${entry.uid}:${entry.gid}${xattrs.sort().join("")}`;
}

/** A directory's time is that of its last new entry: only one that was copied with it tells something. */
function describe({ entry, hash }: Entry, group: string): string {
  switch (entry.type) {
    case "directory":
      return `d ${attributesOf(entry)}${timeOf(entry) === "@now" ? "" : ` ${timeOf(entry)}`}`;
    case "symlink":
      return `l ${entry.uid}:${entry.gid} ${timeOf(entry)} -> ${toDisplayPath(entry.linkPath)}`;
    case "file":
    case "hardlink":
      return `f ${attributesOf(entry)} ${timeOf(entry)} ${entry.size} ${hash}${group}`;
    case "char":
    case "block":
    case "fifo":
      return `${entry.type} ${attributesOf(entry)} ${entry.deviceMajor}:${entry.deviceMinor}`;
  }
}

/** Which of several names of one file an archive holds it under is the archive's own affair. */
function hardLinkGroups(files: Files): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const [path, found] of files) {
    if (typeof found === "string" || found.entry.type !== "hardlink") continue;
    const target = cleanTarPath(found.entry.linkPath);
    const group = groups.get(target) ?? [target];
    groups.set(target, [...group, path]);
  }
  return groups;
}

function listing(files: Files, base: BaseFiles): Readonly<Record<string, string>> {
  const groupOf = new Map<string, readonly string[]>();
  const targetOf = new Map<string, string>();
  for (const [target, names] of hardLinkGroups(files)) {
    for (const name of names) {
      groupOf.set(name, names);
      targetOf.set(name, target);
    }
  }
  const rows: [string, string][] = [];
  for (const [path, found] of files) {
    if (typeof found === "string") {
      rows.push([path, found]);
      continue;
    }
    const names = groupOf.get(path);
    const real = files.get(targetOf.get(path) ?? path);
    const group = names === undefined ? "" : ` =${[...names].sort()[0] ?? ""}`;
    const text = describe(real === undefined || typeof real === "string" ? found : real, group);
    if (found.entry.type === "directory" && base.get(path) === `d ${attributesOf(found.entry)}`) continue;
    rows.push([toDisplayPath(path), text]);
  }
  return Object.fromEntries(rows.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Directories of a base layer, as a listing says them without their time. */
export async function baseDirectories(tar: Uint8Array): Promise<BaseFiles> {
  const found = new Map<string, string>();
  for await (const { entry } of readTarStream([tar])) {
    found.set(cleanTarPath(entry.path), entry.type === "directory" ? `d ${attributesOf(entry)}` : "");
  }
  return found;
}

function present(value: unknown): boolean {
  if (value === null || value === "" || value === undefined) return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .filter(([, inner]) => present(inner) || Array.isArray(inner))
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/** What differs from the base's; `null` for what it had and this has not. */
function changedConfig(
  config: Readonly<Record<string, unknown>>,
  base: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const all = sorted({ ...Object.fromEntries(Object.keys(base).map((key) => [key, []])), ...config });
  const changed = Object.entries(Object(all)).filter(([key, value]) => {
    return JSON.stringify(value) !== JSON.stringify(sorted(base[key]));
  });
  return Object.fromEntries(changed);
}

interface WireConfig {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly author?: string;
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly history?: readonly {
    readonly created_by?: string;
    readonly empty_layer?: boolean;
    readonly comment?: string;
  }[];
  readonly rootfs: { readonly diff_ids?: readonly string[] | null };
}

/** The image that most cases are based on. */
export interface BaseImage {
  readonly diffId: string;
  readonly files: BaseFiles;
  readonly config: Readonly<Record<string, unknown>>;
}

/** The image of a `docker save`, told by what it adds to the base. */
export async function readSavedImage(archive: Uint8Array, base: BaseImage): Promise<BuiltImage> {
  const bodies = await bodiesOf(archive);
  const [manifest] = jsonAt(bodies, "manifest.json") as readonly {
    readonly Config: string;
    readonly Layers: string[] | null;
  }[];
  if (manifest === undefined) throw new Error("the archive has no image");
  const image = jsonAt(bodies, manifest.Config) as WireConfig;
  const diffIds = image.rootfs.diff_ids ?? [];
  const above = diffIds[0] === base.diffId ? 1 : 0;
  const baseFiles: BaseFiles = above === 1 ? base.files : new Map();
  const files: Files = new Map();
  for (const path of (manifest.Layers ?? []).slice(above)) {
    const layer = bodies.get(path);
    if (layer === undefined) throw new Error(`the archive has no ${path}`);
    await applyLayer(layer, files, baseFiles);
  }
  const history = (image.history ?? []).filter(({ created_by = "" }) => created_by !== "base");
  return {
    config: changedConfig(image.config ?? {}, above === 1 ? base.config : {}),
    ...(image.author === undefined || image.author === "" ? {} : { author: image.author }),
    platform: [image.os, image.architecture, image.variant].filter(Boolean).join("/"),
    history: history.map(({ created_by = "", empty_layer = false, comment = "" }) => {
      const note = comment === "buildkit.dockerfile.v0" ? "" : ` (${comment})`;
      return `${empty_layer ? "- " : ""}${created_by}${note}`;
    }),
    layers: diffIds.length - above,
    files: listing(files, baseFiles),
  };
}
