/** For tests: a store in a directory of its own, and tars made by code. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openMetadata } from "#metadata";
import type { Metadata } from "#metadata";
import { parseDiffId } from "#oci";
import type { DiffId } from "#oci";
import { TAR_END, encodeTarHeader, tarPadding } from "#tar";
import type { TarHeader } from "#tar";
import { completeFile } from "./growingFile.ts";
import type { GrowingFile } from "./layer.ts";
import type { LayerStore } from "./layerStore.ts";
import { openLayerStore } from "./openLayerStore.ts";
import type { LayerStoreOptions } from "./openLayerStore.ts";

export interface TestStore {
  readonly store: LayerStore;
  readonly metadata: Metadata;
  /** Holds `varve.db`, `layers/`, and what tests put beside them. */
  readonly directory: string;
  /** Names in `layers/` and `layers/tmp/`. */
  readonly files: () => Promise<{ readonly layers: readonly string[]; readonly unfinished: readonly string[] }>;
  /** Writes bytes beside the store, as a source. */
  readonly source: (bytes: Uint8Array) => Promise<GrowingFile>;
  /** Ingests a plain tar. */
  readonly add: (tar: Uint8Array) => Promise<DiffId>;
}

/** The part of node:test's context that is needed here. */
interface Cleanup {
  after(work: () => Promise<void>): void;
}

/** Everything is closed and removed when the test ends. */
export async function openTestStore(
  t: Cleanup,
  options: Omit<LayerStoreOptions, "root" | "records"> = {},
): Promise<TestStore> {
  const directory = await mkdtemp(join(tmpdir(), "varve-layers-"));
  const metadata = openMetadata(join(directory, "varve.db"));
  const root = join(directory, "layers");
  const store = await openLayerStore({ root, records: metadata.layers, workers: 3, ...options });
  t.after(async () => {
    await store.close();
    metadata[Symbol.dispose]();
    await rm(directory, { recursive: true, force: true });
  });
  let sources = 0;
  return {
    store,
    metadata,
    directory,
    files: async () => ({
      layers: (await readdir(root)).filter((name) => name !== "tmp").sort(),
      unfinished: await readdir(join(root, "tmp")),
    }),
    source: async (bytes) => {
      sources += 1;
      const path = join(directory, `source${sources}`);
      await writeFile(path, bytes);
      return completeFile(path, bytes.length);
    },
    add: async (tar) => {
      await using writer = await store.ingestTar();
      await writer.write(tar);
      return (await writer.commit()).layer.diffId;
    },
  };
}

export type Member = TarHeader & { readonly data?: string | Uint8Array };

/** A whole tar, end blocks included. */
export function tarOf(members: readonly Member[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { data, ...header } of members) {
    const body = Buffer.from(data ?? "");
    parts.push(encodeTarHeader({ mode: 0o644, ...header, size: body.length }), body, tarPadding(body.length));
  }
  return Buffer.concat([...parts, TAR_END]);
}

export function file(path: string, data: string | Uint8Array, rest: Partial<Member> = {}): Member {
  return { path, type: "file", data, ...rest };
}

export function directory(path: string, rest: Partial<Member> = {}): Member {
  return { path, type: "directory", mode: 0o755, ...rest };
}

export function symlink(path: string, linkPath: string): Member {
  return { path, type: "symlink", linkPath };
}

export function diffIdOfTar(tar: Uint8Array): DiffId {
  return parseDiffId(`sha256:${createHash("sha256").update(tar).digest("hex")}`);
}

/** Bytes that no compressor shrinks much, the same in every run. */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}
