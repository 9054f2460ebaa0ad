/** Images made by code, in every form that a transport reads. Named as a test so that it is exempt from what ships. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { MediaType } from "#oci";
import { TAR_END, encodeTarHeader, tarPadding } from "#tar";
import type { TarHeader } from "#tar";

export type Member = TarHeader & { readonly data?: string | Uint8Array };

export function tarOf(members: readonly Member[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { data, ...header } of members) {
    const body = Buffer.from(data ?? "");
    parts.push(encodeTarHeader({ mode: 0o644, ...header, size: body.length }), body, tarPadding(body.length));
  }
  return Buffer.concat([...parts, TAR_END]);
}

export const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
export type Form = "none" | "gzip" | "zstd";
const MEDIA_TYPES = { none: MediaType.OCI_LAYER, gzip: MediaType.OCI_LAYER_GZIP, zstd: MediaType.OCI_LAYER_ZSTD };

export function compress(bytes: Uint8Array, form: Form): Buffer {
  if (form === "gzip") return gzipSync(bytes);
  return form === "zstd" ? zstdCompressSync(bytes) : Buffer.from(bytes);
}

export interface MadeImage {
  readonly rawConfig: Buffer;
  readonly tars: readonly Buffer[];
  readonly name: string;
  readonly architecture: string;
}

export function imageOf(
  tars: readonly Buffer[],
  {
    name = "made:1",
    architecture = "amd64",
    extra = {},
  }: { name?: string; architecture?: string; extra?: object } = {},
): MadeImage {
  const rootfs = { type: "layers", diff_ids: tars.map(sha256) };
  const history = tars.map((_, index) => ({ created_by: `step ${index}` }));
  const rawConfig = Buffer.from(JSON.stringify({ architecture, os: "linux", rootfs, history, ...extra }));
  return { rawConfig, tars, name, architecture };
}

/** As `docker save` before 25 wrote it, layers in any form. */
export function dockerArchiveOf(images: readonly MadeImage[], form: Form = "none"): Buffer {
  const members = new Map<string, Uint8Array>();
  const manifest = images.map(({ rawConfig, tars, name }) => {
    const Config = `${sha256(rawConfig).slice(7)}.json`;
    members.set(Config, rawConfig);
    const Layers = tars.map((tar) => {
      const path = `${sha256(tar).slice(7)}/layer.tar`;
      members.set(path, compress(tar, form));
      return path;
    });
    return { Config, RepoTags: [name], Layers };
  });
  members.set("manifest.json", Buffer.from(JSON.stringify(manifest)));
  return tarOf([...members].map(([path, data]) => ({ path, type: "file", data })));
}

export interface Layout {
  /** Path → bytes. */
  readonly files: Map<string, Buffer>;
  /** Digest of the last image's manifest. */
  readonly manifest: string;
}

/** Images under one index, `nested` under a second one. */
export function layoutOf(
  images: readonly MadeImage[],
  { form = "none", nested = false }: { readonly form?: Form; readonly nested?: boolean } = {},
): Layout {
  const files = new Map<string, Buffer>([["oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}')]]);
  const put = (bytes: Buffer, mediaType: string): { mediaType: string; digest: string; size: number } => {
    const digest = sha256(bytes);
    files.set(`blobs/sha256/${digest.slice(7)}`, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const manifests = images.map(({ rawConfig, tars, name, architecture }) => {
    const document = {
      schemaVersion: 2,
      mediaType: MediaType.OCI_MANIFEST,
      config: put(rawConfig, MediaType.OCI_CONFIG),
      layers: tars.map((tar) => put(compress(tar, form), MEDIA_TYPES[form])),
    };
    return {
      ...put(Buffer.from(JSON.stringify(document)), MediaType.OCI_MANIFEST),
      platform: { os: "linux", architecture },
      ...(nested ? {} : { annotations: { "org.opencontainers.image.ref.name": name } }),
    };
  });
  const index = { schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests };
  const outer = { ...index, manifests: [put(Buffer.from(JSON.stringify(index)), MediaType.OCI_INDEX)] };
  files.set("index.json", Buffer.from(JSON.stringify(nested ? outer : index)));
  return { files, manifest: manifests.at(-1)?.digest ?? "" };
}

export const archiveOfLayout = ({ files }: Layout): Buffer =>
  tarOf([...files].map(([path, data]) => ({ path, type: "file", data })));

export async function writeLayout({ files }: Layout, directory: string): Promise<void> {
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), bytes);
  }
}

export interface Folder extends AsyncDisposable {
  readonly path: string;
  write(name: string, bytes: Uint8Array): Promise<string>;
}

export async function newFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "varve-transports-"));
  return {
    path,
    write: async (name, bytes) => {
      await writeFile(join(path, name), bytes);
      return join(path, name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

export interface TestRegistry extends AsyncDisposable {
  readonly host: string;
  /** Paths that were asked for, `GET` left out; with the range if there was one. */
  readonly requests: string[];
}

/** Takes a blob or a manifest into the layout; a manifest by tag becomes what the tag names. */
async function receive(layout: Layout, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const bytes = await collect(request);
  const url = new URL(request.url ?? "", "http://registry");
  const digest = url.searchParams.get("digest") ?? sha256(bytes);
  if (digest !== sha256(bytes)) return void response.writeHead(400).end();
  layout.files.set(`blobs/sha256/${digest.slice(7)}`, bytes);
  if (/\/manifests\/[^:]+$/.test(url.pathname)) layout.files.set("index.json", bytes);
  response.writeHead(201, { location: url.pathname, "docker-content-digest": digest }).end();
}

/** Serves a layout as the repository `made`: its index is any tag. Blobs by range; takes what is pushed. */
export async function startRegistry(layout: Layout): Promise<TestRegistry> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    const url = request.url ?? "";
    if (request.method === "GET")
      requests.push(`${url}${request.headers.range === undefined ? "" : ` ${request.headers.range}`}`);
    if (url === "/v2/") return void response.end("{}");
    if (request.method === "POST") return void response.writeHead(202, { location: "/v2/made/uploads/1" }).end();
    if (request.method === "PUT") return void receive(layout, request, response);
    const [, kind = "", name = ""] = /^\/v2\/made\/(manifests|blobs)\/(.+)$/.exec(url) ?? [];
    const bytes = layout.files.get(name.startsWith("sha256:") ? `blobs/sha256/${name.slice(7)}` : "index.json");
    if (kind === "" || bytes === undefined)
      return void response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    if (kind === "manifests") {
      const { mediaType } = JSON.parse(bytes.toString()) as { mediaType: string };
      return void response.writeHead(200, { "content-type": mediaType, "content-length": bytes.length }).end(bytes);
    }
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = from > 0 ? { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
    response
      .writeHead(from > 0 ? 206 : 200, { "content-length": bytes.length - from, ...range })
      .end(bytes.subarray(from));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

/** Pseudo-random bytes, the same in every run. */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
