/** Layers and images for the tests of this room. Named as a test so that it is exempt from what ships. */
import * as fc from "fast-check";
import { imageLayersOf } from "#analysis";
import type { LayerEntry, OpenImage } from "#analysis";
import { digestOf, parseDiffId, parseImageConfig } from "#oci";

export type Fields = Partial<LayerEntry>;

export function entry(path: string, type: LayerEntry["type"], fields: Fields = {}): LayerEntry {
  const mode = type === "directory" ? 0o755 : 0o644;
  return { path, type, mode, uid: 0, gid: 0, size: 0, mtimeSeconds: 1_700_000_000, ...fields };
}

export const file = (path: string, size: number = 1, fields: Fields = {}): LayerEntry =>
  entry(path, "file", { size, ...fields });
export const directory = (path: string, fields: Fields = {}): LayerEntry => entry(path, "directory", fields);
export const symlink = (path: string, target: string, fields: Fields = {}): LayerEntry =>
  entry(path, "symlink", { target, mode: 0o777, ...fields });
export const hardLink = (path: string, target: string): LayerEntry => entry(path, "file", { target, hardLink: true });
export const whiteout = (path: string): LayerEntry => entry(path, "char", { mode: 0, whiteout: true });

/** The entries of a layer as a source gives them: parents first, missing ones implied, names in byte order. */
export function layer(...entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const byPath = new Map(entries.map((item) => [item.path, item]));
  for (const { path } of entries) {
    const parts = path.split("/");
    for (let length = 1; length < parts.length; length++) {
      const parent = parts.slice(0, length).join("/");
      if (!byPath.has(parent)) byPath.set(parent, directory(parent, { implied: true }));
    }
  }
  const key = (item: LayerEntry): string => item.path.replaceAll("/", "\0");
  return [...byPath.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

const NAMES = ["a", "b", "a-b", "c"];

const anyEntry: fc.Arbitrary<LayerEntry> = fc
  .record({
    path: fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
    kind: fc.constantFrom("file", "file", "directory", "opaque", "whiteout", "whiteout", "symlink"),
    size: fc.integer({ min: 0, max: 3 }),
    mode: fc.constantFrom(0o644, 0o755),
    uid: fc.constantFrom(0, 0, 1),
  })
  .map(({ path, kind, size, mode, uid }) => {
    if (kind === "whiteout") return whiteout(path);
    if (kind === "directory") return directory(path, { mode, uid });
    if (kind === "opaque") return directory(path, { mode, uid, opaque: true });
    return kind === "symlink" ? symlink(path, `t${size}`, { uid }) : file(path, size, { mode, uid });
  });

/** A layer whose entries fit together: what is below a file or a whiteout is left out. */
export const anyLayer: fc.Arbitrary<readonly LayerEntry[]> = fc.array(anyEntry, { maxLength: 12 }).map((entries) => {
  const leaves = new Set(entries.filter((item) => item.type !== "directory").map((item) => item.path));
  const isBelowLeaf = (path: string): boolean =>
    path.split("/").some((_, index, parts) => index > 0 && leaves.has(parts.slice(0, index).join("/")));
  return layer(...entries.filter((item) => !isBelowLeaf(item.path)));
});

export const anyLayers: fc.Arbitrary<readonly (readonly LayerEntry[])[]> = fc.array(anyLayer, {
  minLength: 1,
  maxLength: 6,
});

/** An image in memory. `contents`: bytes by "LAYER:PATH"; other files read as zeros. */
export function imageOf(
  layers: readonly (readonly LayerEntry[])[],
  contents: Readonly<Record<string, string | Uint8Array>> = {},
  more: {
    readonly config?: object;
    readonly diffIds?: readonly string[];
    readonly onRead?: (what: string) => void;
  } = {},
): OpenImage {
  const diffIds = layers.map((_, index) => parseDiffId(more.diffIds?.[index] ?? diffIdOf(index)));
  const history = layers.map((_, index) => ({ created_by: `step ${index}` }));
  const rawConfig = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      history,
      rootfs: { type: "layers", diff_ids: diffIds },
      ...more.config,
    }),
  );
  const config = parseImageConfig(rawConfig);
  return {
    name: "test",
    imageId: digestOf(rawConfig),
    config,
    rawConfig,
    manifestDigest: undefined,
    layers: imageLayersOf(config),
    readLayer: async (index) => layers[index] ?? [],
    readFile: async function* (index, path) {
      more.onRead?.(`${index}:${path}`);
      const found = layers[index]?.find((item) => item.path === path);
      const first = found?.hardLink === true ? found.target : path;
      const size = layers[index]?.find((item) => item.path === first)?.size ?? 0;
      yield Buffer.from(contents[`${index}:${first}`] ?? Buffer.alloc(size));
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

export const diffIdOf = (index: number): string => `sha256:${index.toString(16).padStart(64, "0")}`;
