import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import type { LayerIngests, LayerReads } from "#layers";
import { digestOf, parseDigest } from "#oci";
import type { DiffId, Digest } from "#oci";
import type { OperationHandler, Step } from "../graph/handler.ts";
import type { HttpSource } from "../graph/operation.ts";
import { download } from "./download.ts";
import { filenameOf } from "./filename.ts";
import { HttpRecords } from "./httpRecords.ts";
import { archiveIn, fileTar, layerOf, plainArchive } from "./sourceLayer.ts";

export interface HttpHandlerRooms {
  readonly layers: LayerIngests & Pick<LayerReads, "get">;
  readonly dataRoot: string;
}

type HttpStep = Step<HttpSource>;

/** What a URL turned out to be. */
interface Fetched {
  readonly digest: Digest;
  readonly filename: string;
  readonly modified: number;
  readonly diffId: DiffId;
}

const UPLOAD = /^https?:\/\/buildkit-session\//;
const DEFAULT_MODE = 0o600;
const HEAD_BYTES = 512;

/**
 * ADD of a URL, and contexts that are downloaded or held back by the client. The file is fetched for its key (an ETag that
 * still holds spares that); it becomes a layer with that one file, or with the files of the archive.
 */
export function createHttpHandler({ layers, dataRoot }: HttpHandlerRooms): OperationHandler<HttpSource> {
  const folder = join(dataRoot, "buildkit", "http");
  const fetcher = new HttpFetcher(layers, folder);
  const fetched = new WeakMap<HttpSource, Promise<Fetched>>();
  const fetch = (step: HttpStep): Promise<Fetched> => {
    const known = fetched.get(step.operation) ?? fetcher.fetch(step);
    fetched.set(step.operation, known);
    return known;
  };
  return {
    async keyInputs(step) {
      const { checksum, mode, uid, gid, unpack, filename } = step.operation;
      const wish = { mode: String(mode ?? DEFAULT_MODE), owner: `${uid ?? 0}:${gid ?? 0}`, unpack: String(unpack) };
      // What is pinned need not be looked at to be known.
      if (checksum !== undefined && filename !== undefined) return { values: { file: checksum, filename, ...wish } };
      const { digest, modified, ...found } = await fetch(step);
      return { values: { file: digest, filename: found.filename, modified: String(modified), ...wish } };
    },
    async run(step) {
      const { diffId } = await fetch(step);
      step.lease.keepLayer(diffId);
      if (layers.get(diffId) !== undefined) return { kind: "layers", diffIds: [diffId] };
      fetched.delete(step.operation);
      return { kind: "layers", diffIds: [(await fetch(step)).diffId] };
    },
  };
}

class HttpFetcher {
  readonly #layers: HttpHandlerRooms["layers"];
  readonly #folder: string;
  readonly #records: HttpRecords;

  constructor(layers: HttpHandlerRooms["layers"], folder: string) {
    this.#layers = layers;
    this.#folder = folder;
    this.#records = new HttpRecords(join(folder, "records.json"));
  }

  async fetch(step: HttpStep): Promise<Fetched> {
    const { operation, session, signal, lease } = step;
    if (UPLOAD.test(operation.url))
      return await this.#take(step, session.upload(operation.url), {
        filename: operation.filename ?? "context",
        modified: 0,
      });
    const key = digestOf(JSON.stringify(operation));
    const known = await this.#records.get(key);
    if (known !== undefined) lease.keepLayer(known.diffId);
    const isHere = known !== undefined && this.#layers.get(known.diffId) !== undefined;
    using answer = await download(operation.url, isHere ? { "If-None-Match": known.etag } : {}, signal);
    if (answer.isUnchanged && known !== undefined) return known;
    const modified = Math.floor(Date.parse(answer.header("last-modified") ?? "") / 1000);
    const filename = filenameOf(operation, answer.header("content-disposition"));
    const about = { filename, modified: Number.isNaN(modified) ? 0 : modified };
    const fetched = await this.#take(step, answer.body, about);
    const etag = answer.header("etag");
    if (etag !== undefined) await this.#records.put(key, { ...fetched, etag });
    return fetched;
  }

  /** Spools the bytes: how many there are is written before them in a tar. */
  async #take(
    { operation, lease, signal }: HttpStep,
    body: AsyncIterable<Uint8Array>,
    about: Pick<Fetched, "filename" | "modified">,
  ): Promise<Fetched> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, randomUUID());
    try {
      const { digest, size, head } = await spool(path, body);
      check(operation, digest);
      const file = {
        name: about.filename,
        mode: operation.mode ?? DEFAULT_MODE,
        uid: operation.uid ?? 0,
        gid: operation.gid ?? 0,
        modified: about.modified,
        size,
      };
      const bytes = createReadStream(path);
      const tar = operation.unpack && archiveIn(head) ? plainArchive(bytes, signal) : fileTar(file, bytes);
      const diffId = await layerOf({ layers: this.#layers }, tar, { lease, signal });
      return { digest, ...about, diffId };
    } finally {
      await rm(path, { force: true });
    }
  }
}

async function spool(
  path: string,
  body: AsyncIterable<Uint8Array>,
): Promise<{ readonly digest: Digest; readonly size: number; readonly head: Uint8Array }> {
  await using file = await open(path, "wx", 0o600);
  const hash = createHash("sha256");
  let size = 0;
  let head = Buffer.alloc(0);
  for await (const chunk of body) {
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
    hash.update(chunk);
    size += chunk.length;
    await file.writeFile(chunk);
  }
  return { digest: parseDigest(`sha256:${hash.digest("hex")}`), size, head };
}

function check({ checksum }: HttpSource, digest: Digest): void {
  if (checksum === undefined || checksum === digest) return;
  const message = `digest mismatch ${digest}: ${checksum}`;
  throw new EngineError("data_loss", ErrorCode.DIGEST_MISMATCH, message);
}
