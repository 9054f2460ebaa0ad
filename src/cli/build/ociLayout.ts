import { createReadStream, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { LocalBuildLocation } from "#engineapi";
import { parseDigest } from "#oci";

/** Scheme of contexts that are OCI layouts on disk. */
export const OCI_LAYOUT = "oci-layout://";
const REF_NAME = "org.opencontainers.image.ref.name";

interface IndexEntry {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

function indexOf(path: string): readonly IndexEntry[] {
  const parsed = JSON.parse(readFileSync(join(path, "index.json"), "utf8")) as {
    readonly manifests?: readonly IndexEntry[];
  };
  return parsed.manifests ?? [];
}

/** The manifest of this tag, else the only one. */
function digestIn(path: string, tag: string): string | undefined {
  const entries = indexOf(path);
  const named = entries.findLast(({ annotations }) => annotations?.[REF_NAME] === tag);
  return (named ?? (entries.length === 1 ? entries[0] : undefined))?.digest;
}

/** `oci-layout://dir[:tag][@digest]`, its digest looked up. @throws {Error} in buildx's words */
export function parseLayout(text: string): { readonly path: string; readonly digest: string } {
  const [, named = "", given] = /^(.*?)(?:@(sha256:[0-9a-f]{64}))?$/s.exec(text.slice(OCI_LAYOUT.length)) ?? [];
  const [, path = named, tag = "latest"] = /^(.*):(\w[\w.-]{0,127})$/s.exec(named) ?? [];
  if (given !== undefined) return { path, digest: given };
  let digest: string | undefined;
  try {
    digest = digestIn(path, tag);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`oci-layout reference ${JSON.stringify(text)} could not be resolved: ${why}`, { cause: error });
  }
  if (digest === undefined) {
    throw new Error(`oci-layout reference ${JSON.stringify(text)} could not be resolved: failed to resolve digest`);
  }
  return { path, digest };
}

/** A digest names a file: nothing but a digest may. */
function blobPath(store: string, digest: string): string {
  const [algorithm = "", hex = ""] = parseDigest(digest).split(":");
  return join(store, "blobs", algorithm, hex);
}

/** undefined: it is not there. */
export function blobSize(store: string, digest: string): number | undefined {
  return statSync(blobPath(store, digest), { throwIfNoEntry: false })?.size;
}

/** `length` undefined: to its end. */
export function readBlob(
  store: string,
  digest: string,
  { offset, length }: { readonly offset: number; readonly length?: number },
): AsyncIterable<Uint8Array> {
  if (length === 0) return (async function* (): AsyncGenerator<Uint8Array> {})();
  const end = length === undefined ? {} : { end: offset + length - 1 };
  return createReadStream(blobPath(store, digest), { start: offset, ...end });
}

/** Keeps a blob under its digest, once its bytes are seen to be the digest's. */
export async function writeBlob(store: string, digest: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const path = blobPath(store, digest);
  mkdirSync(join(path, ".."), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  const hash = process.getBuiltinModule("node:crypto").createHash("sha256");
  try {
    await using file = await open(temporary, "w");
    for await (const chunk of bytes) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (`sha256:${hash.digest("hex")}` !== digest) {
    await rm(temporary, { force: true });
    throw new Error(`${digest}: the daemon sent other bytes`);
  }
  await rename(temporary, path);
}

/** Caches on disk (`type=local`) → content stores that are offered, by the names that BuildKit gives them. */
export function cacheStores(
  imports: readonly LocalBuildLocation[],
  exports: readonly LocalBuildLocation[],
): ReadonlyMap<string, string> {
  const stores = new Map<string, string>();
  for (const [list, key] of [[imports, "src"] as const, [exports, "dest"] as const]) {
    for (const { type, attributes } of list) {
      if (type !== "local") continue;
      const path = attributes[key];
      if (path === undefined || path === "")
        throw new Error(`local cache ${key === "src" ? "importer" : "exporter"} requires ${key}`);
      stores.set(`local:${path}`, path);
    }
  }
  return stores;
}

/** `--cache-from type=local`: with the digest that its tag has now. */
export function withCacheDigests(imports: readonly LocalBuildLocation[]): readonly LocalBuildLocation[] {
  return imports.flatMap((location) => {
    const { type, attributes } = location;
    const { src = "", tag = "latest", digest } = attributes;
    if (type !== "local" || digest !== undefined) return [location];
    try {
      const found = digestIn(src, tag);
      // A cache that is not there yet is none: the first build of a pipeline has no earlier one.
      return found === undefined ? [] : [{ type, attributes: { ...attributes, digest: found } }];
    } catch {
      return [];
    }
  });
}

/** Names what a build has put into caches on disk: `cache.manifest` of its response, under each cache's tag. */
export function recordCaches(exports: readonly LocalBuildLocation[], response: Readonly<Record<string, string>>): void {
  const manifest = response["cache.manifest"];
  if (manifest === undefined) return;
  for (const { type, attributes } of exports) {
    const { dest, tag = "latest" } = attributes;
    if (type !== "local" || dest === undefined) continue;
    const descriptor = JSON.parse(manifest) as IndexEntry;
    const entry = { ...descriptor, annotations: { ...descriptor.annotations, [REF_NAME]: tag } };
    const others = existsSync(join(dest, "index.json")) ? indexOf(dest) : [];
    const manifests = [...others.filter(({ annotations }) => annotations?.[REF_NAME] !== tag), entry];
    mkdirSync(dest, { recursive: true });
    writeFileSync(join(dest, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const temporary = join(dest, `index.json.${process.pid}.tmp`);
    writeFileSync(temporary, JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
    renameSync(temporary, join(dest, "index.json"));
  }
}
