import { createHash } from "node:crypto";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { algorithmOf, hexOf, isDigest } from "#oci";
import type { Digest } from "#oci";

/** Digest algorithms that image-spec 1.1 registers (descriptor.md#registered-algorithms). */
export const ALGORITHMS = ["sha256", "sha512"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Where everything lies below the store's root. */
export interface Layout {
  readonly blobs: string;
  readonly ingest: string;
  /** Hidden files on their way out, so that freeing a gigabyte is nobody's wait. */
  readonly trash: string;
}

function layoutOf(root: string): Layout {
  return { blobs: join(root, "blobs"), ingest: join(root, "ingest"), trash: join(root, "trash") };
}

export function blobPath(layout: Layout, digest: Digest): string {
  return join(layout.blobs, algorithmOf(digest), hexOf(digest));
}

/** `sha256` + `9f…` → digest; undefined for a foreign file. */
export function digestOfName(algorithm: Algorithm, name: string): Digest | undefined {
  const text = `${algorithm}:${name}`;
  return isDigest(text) ? text : undefined;
}

/** The directory name of an ingest: a ref is any text, so it is hashed. */
export function ingestId(ref: string): string {
  return createHash("sha256").update(ref).digest("hex");
}

/** Makes what is missing, so that any OCI tool can read the root as an image layout (image-spec 1.1, image-layout.md). */
export async function ensureLayout(root: string): Promise<Layout> {
  const layout = layoutOf(root);
  for (const algorithm of ALGORITHMS) await mkdir(join(layout.blobs, algorithm), { recursive: true });
  await mkdir(layout.ingest, { recursive: true });
  await mkdir(layout.trash, { recursive: true });
  await writeOnce(join(root, "oci-layout"), { imageLayoutVersion: "1.0.0" });
  await writeOnce(join(root, "index.json"), { schemaVersion: 2, manifests: [] });
  return layout;
}

/** An empty file is one that a power loss took the bytes of. */
async function writeOnce(path: string, value: object): Promise<void> {
  const size = await stat(path).then(
    (facts) => facts.size,
    () => 0,
  );
  if (size === 0) await writeFile(path, JSON.stringify(value));
}
