/** For tests: image archives made by code. */
import { createHash } from "node:crypto";
import { parseDigest } from "#oci";
import type { Digest } from "#oci";
import { writeTarStream } from "#tar";
import type { TarHeader } from "#tar";
import type { ProgressMessage } from "#engineapi";
import { loadArchive } from "./load.ts";
import type { ImageContext } from "./context.ts";

/** A member: text or bytes make a file, a header anything else. */
export type TestMember = readonly [path: string, body: string | Uint8Array | Partial<TarHeader>];

export async function gather(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk));
  return Buffer.concat(all);
}

export function tarOf(members: readonly TestMember[]): Promise<Buffer> {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o644 };
  return gather(
    writeTarStream(
      members.map(([path, body]) => {
        if (typeof body !== "string" && !(body instanceof Uint8Array)) {
          return { header: { path, type: "file" as const, ...owner, ...body } };
        }
        const bytes = Buffer.from(body);
        return { header: { path, type: "file" as const, size: bytes.length, ...owner }, body: [bytes] };
      }),
    ),
  );
}

export function sha256(bytes: Uint8Array | string): Digest {
  return parseDigest(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);
}

export function blobName(bytes: Uint8Array | string): string {
  return `blobs/${sha256(bytes).replace(":", "/")}`;
}

/** A config whose layers are these tars. */
export function configOf(layers: readonly Uint8Array[], more: Readonly<Record<string, unknown>> = {}): string {
  const rootfs = { type: "layers", diff_ids: layers.map(sha256) };
  return JSON.stringify({ architecture: "amd64", os: "linux", created: "2026-01-01T00:00:00Z", rootfs, ...more });
}

/** What a whole docker-archive of one image with one layer holds. */
export async function dockerMembers(tags: readonly string[] = ["t/one:1"]): Promise<readonly TestMember[]> {
  const layer = await tarOf([["hello", "world"]]);
  const manifest = [{ Config: "c.json", RepoTags: tags, Layers: ["abc/layer.tar"] }];
  return [
    ["abc/layer.tar", layer],
    ["c.json", configOf([layer])],
    ["manifest.json", JSON.stringify(manifest)],
  ];
}

/** Loads bytes in chunks of an awkward size; the stream lines. */
export async function load(
  context: ImageContext,
  archive: Uint8Array,
  options: Partial<Parameters<typeof loadArchive>[2]> = {},
): Promise<readonly string[]> {
  const lines: string[] = [];
  const progress = ({ stream }: ProgressMessage): void => {
    if (stream !== undefined) lines.push(stream);
  };
  await loadArchive(context, chunksOf(archive), { progress, ...options });
  return lines;
}

export async function* chunksOf(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
