import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { digestOf, MediaType } from "#oci";
import type { Descriptor } from "#oci";
import { encodeTarHeader, TAR_END, tarPadding } from "#tar";

/** A registry that serves what it was given and misbehaves as it is told. */
export interface ScriptedRegistry extends AsyncDisposable {
  /** `127.0.0.1:40123` */
  readonly address: string;
  /** `GET <digest> <range or ->` of every blob request, in order. */
  readonly blobRequests: string[];
  /** Bytes after which the next answers of a blob are cut, one entry each. */
  readonly cuts: Map<string, number[]>;
  /** Blobs for which `Range` is passed over. */
  readonly rangeless: Set<string>;
  /** Blobs whose bytes are held back until the promise resolves, after the first half. */
  readonly held: Map<string, Promise<void>>;
  /** Serves these bytes for this digest, right or wrong. */
  readonly blobs: Map<string, Uint8Array>;
  addBlob(mediaType: string, bytes: Uint8Array): Descriptor;
  /** `name` is `repository:tag`. */
  addManifest(name: string, value: object): Descriptor;
}

export async function startScriptedRegistry(): Promise<ScriptedRegistry> {
  const manifests = new Map<string, { readonly raw: Buffer; readonly mediaType: string }>();
  const state = {
    blobRequests: [] as string[],
    cuts: new Map<string, number[]>(),
    rangeless: new Set<string>(),
    held: new Map<string, Promise<void>>(),
    blobs: new Map<string, Uint8Array>(),
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, name = "", kind, id = ""] = /^\/v2\/(.+)\/(manifests|blobs|tags)\/(.+)$/.exec(request.url ?? "") ?? [];
    if (request.url === "/v2/") return void response.end("{}");
    if (kind === "tags") return void response.end(JSON.stringify({ tags: tagsOf(manifests, name) }));
    if (kind === "blobs") return await sendBlob(state, request, response, id);
    const manifest = manifests.get(`${name}:${id}`) ?? manifests.get(id);
    if (manifest === undefined) return void response.writeHead(404).end(MANIFEST_UNKNOWN);
    response.setHeader("Content-Type", manifest.mediaType).setHeader("Docker-Content-Digest", digestOf(manifest.raw));
    response.end(request.method === "HEAD" ? undefined : manifest.raw);
  };
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...state,
    addBlob(mediaType, bytes) {
      const digest = digestOf(bytes);
      state.blobs.set(digest, bytes);
      return { mediaType, digest, size: bytes.length };
    },
    addManifest(name, value) {
      const raw = Buffer.from(JSON.stringify(value));
      const { mediaType } = value as { mediaType: string };
      const digest = digestOf(raw);
      manifests.set(name, { raw, mediaType }).set(digest, { raw, mediaType });
      return { mediaType, digest, size: raw.length };
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const MANIFEST_UNKNOWN = JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] });

function tagsOf(manifests: ReadonlyMap<string, unknown>, name: string): readonly string[] {
  return Array.from(manifests.keys()).flatMap((key) =>
    key.startsWith(`${name}:`) ? [key.slice(name.length + 1)] : [],
  );
}

type BlobState = Pick<ScriptedRegistry, "blobRequests" | "cuts" | "rangeless" | "held" | "blobs">;

async function sendBlob(
  state: BlobState,
  request: IncomingMessage,
  response: ServerResponse,
  id: string,
): Promise<void> {
  const { range } = request.headers;
  const bytes = state.blobs.get(id);
  state.blobRequests.push(`${request.method} ${id} ${range ?? "-"}`);
  if (bytes === undefined) return void response.writeHead(404).end();
  const start = range === undefined || state.rangeless.has(id) ? 0 : Number(/^bytes=(\d+)-$/.exec(range)?.[1]);
  response.statusCode = start > 0 ? 206 : 200;
  if (start > 0) response.setHeader("Content-Range", `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
  response.setHeader("Content-Length", bytes.length - start);
  const cut = state.cuts.get(id)?.shift();
  if (cut !== undefined) return void response.write(bytes.subarray(start, start + cut), () => response.destroy());
  const half = start + Math.floor((bytes.length - start) / 2);
  response.write(bytes.subarray(start, half));
  await state.held.get(id);
  response.end(bytes.subarray(half));
}

/** A tar with one file of this content. */
export function tarOfFile(path: string, data: Uint8Array): Buffer {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const header = encodeTarHeader({ path, type: "file", mode: 0o644, size: data.length, ...owner });
  return Buffer.concat([header, data, tarPadding(data.length), TAR_END]);
}

/** Bytes that no compressor shrinks, the same in every run. */
export function noiseOf(length: number, seed: string): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < length; at += 32) parts.push(createHash("sha256").update(`${seed} ${at}`).digest());
  return Buffer.concat(parts).subarray(0, length);
}

/** What a layer looks like on the wire. */
export interface WireLayer {
  readonly tar: Uint8Array;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

export function gzipLayerOf(tar: Uint8Array): WireLayer {
  return { tar, bytes: gzipSync(tar, { level: 1 }), mediaType: MediaType.OCI_LAYER_GZIP };
}

export interface ServedImage {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** Puts config, layers and an OCI manifest in; `change` may spoil the config before. */
export function serveImage(
  registry: ScriptedRegistry,
  name: string,
  layers: readonly WireLayer[],
  change: (config: Record<string, unknown>) => object = (config) => config,
): ServedImage {
  const diffIds = layers.map(({ tar }) => digestOf(tar));
  const plain = { architecture: "amd64", os: "linux", config: { Labels: { a: "b" } } };
  const config = registry.addBlob(
    MediaType.OCI_CONFIG,
    Buffer.from(JSON.stringify(change({ ...plain, rootfs: { type: "layers", diff_ids: diffIds } }))),
  );
  const descriptors = layers.map(({ mediaType, bytes }) => registry.addBlob(mediaType, bytes));
  const manifest = registry.addManifest(name, {
    schemaVersion: 2,
    mediaType: MediaType.OCI_MANIFEST,
    config,
    layers: descriptors,
  });
  return { manifest, config, layers: descriptors };
}
