import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import type { LayerIngests, LayerReads } from "#layers";
import { digestOf, hexOf, parseDigest } from "#oci";
import type { DiffId, Digest } from "#oci";
import type { OperationHandler, Step } from "../graph/handler.ts";
import type { HttpSource } from "../graph/operation.ts";
import { download } from "./download.ts";
import { filenameOf } from "./filename.ts";
import { HttpRecords } from "./httpRecords.ts";
import { rememberSource } from "./resolvedSources.ts";
import { fileTar, layerOf } from "./sourceLayer.ts";

export interface UrlHandlerRooms {
  readonly layers: LayerIngests & Pick<LayerReads, "get">;
  readonly dataRoot: string;
  /** Contexts: archives, downloaded or held back by the client. */
  readonly contexts: OperationHandler<HttpSource>;
}

type HttpStep = Step<HttpSource>;

/** What a URL turned out to be. */
interface Fetched {
  readonly digest: Digest;
  readonly filename: string;
  readonly modified: number;
  readonly diffId: DiffId;
}

const DEFAULT_MODE = 0o600;

/**
 * ADD of a URL: the file is fetched for its key (an ETag that still holds spares that) and becomes a layer with that one
 * file, which the build cache keeps and prunes like a step's. Contexts are another handler's.
 */
export function createUrlHandler({ layers, dataRoot, contexts }: UrlHandlerRooms): OperationHandler<HttpSource> {
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
      if (unpack) return await contexts.keyInputs(step);
      const wish = { mode: String(mode ?? DEFAULT_MODE), owner: `${uid ?? 0}:${gid ?? 0}` };
      // What is pinned need not be looked at to be known.
      if (checksum !== undefined) rememberSource(step, { sha256: hexOf(checksum) });
      if (checksum !== undefined && filename !== undefined) return { values: { file: checksum, filename, ...wish } };
      const { digest, modified, ...found } = await fetch(step);
      rememberSource(step, { sha256: hexOf(digest) });
      return { values: { file: digest, filename: found.filename, modified: String(modified), ...wish } };
    },
    async run(step) {
      if (step.operation.unpack) return await contexts.run(step);
      const { diffId } = await fetch(step);
      step.lease.keepLayer(diffId);
      if (layers.get(diffId) !== undefined) return { kind: "layers", diffIds: [diffId] };
      fetched.delete(step.operation);
      return { kind: "layers", diffIds: [(await fetch(step)).diffId] };
    },
  };
}

class HttpFetcher {
  readonly #layers: UrlHandlerRooms["layers"];
  readonly #folder: string;
  readonly #records: HttpRecords;

  constructor(layers: UrlHandlerRooms["layers"], folder: string) {
    this.#layers = layers;
    this.#folder = folder;
    this.#records = new HttpRecords(join(folder, "records.json"));
  }

  async fetch(step: HttpStep): Promise<Fetched> {
    const { operation, signal, lease } = step;
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
      const { digest, size } = await spool(path, body);
      check(operation, digest);
      const file = {
        name: about.filename,
        mode: operation.mode ?? DEFAULT_MODE,
        uid: operation.uid ?? 0,
        gid: operation.gid ?? 0,
        modified: about.modified,
        size,
      };
      const diffId = await layerOf({ layers: this.#layers }, fileTar(file, createReadStream(path)), { lease, signal });
      return { digest, ...about, diffId };
    } finally {
      await rm(path, { force: true });
    }
  }
}

async function spool(
  path: string,
  body: AsyncIterable<Uint8Array>,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  await using file = await open(path, "wx", 0o600);
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    size += chunk.length;
    await file.writeFile(chunk);
  }
  return { digest: parseDigest(`sha256:${hash.digest("hex")}`), size };
}

function check({ checksum }: HttpSource, digest: Digest): void {
  if (checksum === undefined || checksum === digest) return;
  const message = `digest mismatch ${digest}: ${checksum}`;
  throw new EngineError("data_loss", ErrorCode.DIGEST_MISMATCH, message);
}
