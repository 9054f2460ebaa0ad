import { isDigest, parseDiffId } from "#oci";
import type { Descriptor, DiffId } from "#oci";
import type { DoneStep } from "../graph/importedSteps.ts";

/** BuildKit's type of the document that says what a cache holds. */
export const CACHE_CONFIG_TYPE = "application/vnd.buildkit.cacheconfig.v0";

/** A layer of a cache and how it is stored. */
export interface CacheLayer {
  readonly diffId: DiffId;
  readonly descriptor: Descriptor;
}

/** A step's result of a cache: where its own layer is. */
export interface CacheEntry {
  readonly layer: CacheLayer;
  readonly createdAt: number;
}

/** What a cache holds, by key. */
export type CacheIndex = ReadonlyMap<string, CacheEntry>;

/**
 * The document in BuildKit's format: `layers` with their parents by index, `records` with the key as `digest`. The keys are
 * our own, so BuildKit can read it but finds nothing in it, and we find nothing in BuildKit's.
 */
export function writeCacheConfig(steps: readonly DoneStep[], blobs: ReadonlyMap<DiffId, Descriptor>): Uint8Array {
  const positions = new Map<string, number>();
  const layers: object[] = [];
  const records: object[] = [];
  const place = (step: DoneStep): number | undefined => {
    const stack = step.diffIds.join(" ");
    const known = positions.get(stack);
    const diffId = step.diffIds.at(-1);
    const blob = diffId === undefined ? undefined : blobs.get(diffId);
    if (known !== undefined || blob === undefined) return known;
    const parent = positions.get(step.diffIds.slice(0, -1).join(" ")) ?? -1;
    const createdAt = timeOf(step);
    const annotations = { mediaType: blob.mediaType, diffID: diffId, size: blob.size, createdAt };
    layers.push({ blob: blob.digest, parent, annotations });
    positions.set(stack, layers.length - 1);
    return layers.length - 1;
  };
  // Shorter stacks first, so that a parent stands before what is above it.
  for (const step of [...steps].sort((a, b) => a.diffIds.length - b.diffIds.length)) {
    const layer = place(step);
    if (layer !== undefined) records.push({ layers: [{ layer, createdAt: timeOf(step) }], digest: step.key });
  }
  return Buffer.from(JSON.stringify({ layers, records }));
}

function timeOf({ createdAt }: DoneStep): string {
  return new Date(createdAt).toISOString();
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null;
const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** Reads what a cache says; what makes no sense is left out. */
export function parseCacheConfig(raw: Uint8Array): CacheIndex {
  const value = jsonOf(raw);
  if (!isObject(value)) return new Map();
  return entriesOf(listOf(value["records"]), listOf(value["layers"]).map(layerOf));
}

/** Of an image: the records alone, which count its layers. */
export function parseInlineConfig(raw: Uint8Array, layers: readonly (CacheLayer | undefined)[]): CacheIndex {
  return entriesOf(listOf(jsonOf(raw)), layers);
}

/** What an image says of its own layers (`moby.buildkit.cache.v0`). */
export function writeInlineConfig(steps: readonly DoneStep[]): Uint8Array {
  const records = steps.map((step) => ({
    layers: [{ layer: step.diffIds.length - 1, createdAt: timeOf(step) }],
    digest: step.key,
  }));
  return Buffer.from(JSON.stringify(records));
}

function jsonOf(raw: Uint8Array): unknown {
  return JSON.parse(Buffer.from(raw).toString("utf8"));
}

function entriesOf(records: readonly Json[], layers: readonly (CacheLayer | undefined)[]): CacheIndex {
  const entries = new Map<string, CacheEntry>();
  for (const record of records) {
    const [result] = listOf(record["layers"]);
    const layer = layers[Number(result?.["layer"] ?? -1)];
    const key = record["digest"];
    if (layer === undefined || typeof key !== "string") continue;
    const told = result?.["createdAt"];
    const createdAt = typeof told === "string" ? Date.parse(told) : 0;
    entries.set(key, { layer, createdAt: Number.isNaN(createdAt) ? 0 : createdAt });
  }
  return entries;
}

function layerOf({ blob, annotations }: Json): CacheLayer | undefined {
  if (typeof blob !== "string" || !isDigest(blob) || !isObject(annotations)) return undefined;
  const { mediaType, diffID, size } = annotations;
  if (typeof mediaType !== "string" || typeof diffID !== "string" || !isDigest(diffID)) return undefined;
  const descriptor = { mediaType, digest: blob, size: Number(size) };
  return Number.isSafeInteger(descriptor.size) ? { diffId: parseDiffId(diffID), descriptor } : undefined;
}
