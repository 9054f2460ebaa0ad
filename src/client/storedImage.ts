import type { ImageLayer, LayerEntry, OpenImage } from "#analysis";
import type { ImageLayersReply } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import { formatPlatform, parseDiffId, parseDigest, parseImageConfig } from "#oci";
import type { Platform } from "#oci";
import type { EngineClient } from "./engineClient.ts";
import { readLayerIndexes } from "./layerIndexes.ts";
import type { ReceivedIndex } from "./layerIndexes.ts";

/** Bytes before the metadata in a layer's index. */
const HEAD_BYTES = 4096;

/**
 * An image of the daemon's store, open for looking into. The first `readLayer` fetches the indexes of all layers in one
 * stream; each is decoded when it is asked for. The client stays the caller's to close.
 * @throws {not_found} in the daemon's words
 */
export async function openStoredImage(
  client: EngineClient,
  name: string,
  options: { readonly platform?: Platform } = {},
): Promise<OpenImage> {
  const platform = options.platform === undefined ? "" : formatPlatform(options.platform);
  const path = `/varve/v1/images/${encodeURIComponent(name)}`;
  const query = platform === "" ? {} : { platform };
  const reply = await client.json<ImageLayersReply>({ path: `${path}/layers`, query });
  return new StoredImage(client, { path, query }, reply);
}

interface Calls {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
}

class StoredImage implements OpenImage {
  readonly name: string;
  readonly imageId: OpenImage["imageId"];
  readonly config: OpenImage["config"];
  readonly rawConfig: Uint8Array;
  readonly manifestDigest: OpenImage["manifestDigest"];
  readonly layers: readonly ImageLayer[];
  readonly #client: EngineClient;
  readonly #calls: Calls;
  readonly #ended = new AbortController();
  readonly #entries = new Map<number, Promise<readonly LayerEntry[]>>();
  #indexes: readonly Promise<ReceivedIndex>[] | undefined;

  constructor(client: EngineClient, calls: Calls, reply: ImageLayersReply) {
    this.#client = client;
    this.#calls = calls;
    this.name = reply.name;
    this.imageId = parseDigest(reply.imageId);
    this.manifestDigest = parseDigest(reply.manifestDigest);
    this.rawConfig = Buffer.from(reply.rawConfig, "base64");
    this.config = parseImageConfig(this.rawConfig);
    this.layers = reply.layers.map(({ index, diffId, blob, tarBytes, history, step }) => ({
      index,
      diffId: parseDiffId(diffId),
      blob,
      tarBytes,
      history,
      step,
    }));
  }

  readLayer(index: number): Promise<readonly LayerEntry[]> {
    const known = this.#entries.get(index);
    if (known !== undefined) return known;
    const entries = this.#decode(index);
    this.#entries.set(index, entries);
    return entries;
  }

  async *readFile(
    index: number,
    path: string,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Uint8Array> {
    const query = new URLSearchParams(this.#calls.query).toString();
    const call = `${this.#calls.path}/layers/${index}/file?path=${percentEncode(path)}${query === "" ? "" : `&${query}`}`;
    const { body } = await this.#client.open({ path: call, ...options });
    for await (const chunk of body) yield chunk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
  }

  async #decode(index: number): Promise<readonly LayerEntry[]> {
    // For the few commands that look into images: the others start without that room.
    const [{ layerEntriesOf }, { line, bytes }] = await Promise.all([import("#analysis"), this.#index(index)]);
    return layerEntriesOf({
      head: bytes.subarray(0, HEAD_BYTES),
      metadata: bytes.subarray(HEAD_BYTES),
      impliedDirectories: line.implied,
      lowerHardlinks: line.lowerHardlinks,
    });
  }

  #index(index: number): Promise<ReceivedIndex> {
    this.#indexes ??= this.#fetch();
    const found = this.#indexes[index];
    if (found === undefined) throw new RangeError(`no layer ${index}`);
    return found;
  }

  /** One promise a layer, kept as they arrive. */
  #fetch(): readonly Promise<ReceivedIndex>[] {
    const waiting = this.layers.map(() => Promise.withResolvers<ReceivedIndex>());
    for (const { promise } of waiting) promise.catch(() => undefined);
    const receive = async (): Promise<void> => {
      const call = { path: `${this.#calls.path}/entries`, query: this.#calls.query, signal: this.#ended.signal };
      const { body } = await this.#client.open(call);
      for await (const received of readLayerIndexes(body)) waiting[received.line.layer]?.resolve(received);
      throw new EngineError("unavailable", ErrorCode.DAEMON_UNREACHABLE, "the daemon left out a layer");
    };
    receive().catch((error: unknown) => {
      for (const { reject } of waiting) reject(error);
    });
    return waiting.map(({ promise }) => promise);
  }
}

/** Each byte that is not plain, as `%XX`: paths are bytes, and need not be UTF-8. */
function percentEncode(path: string): string {
  return path.replaceAll(/[^\w./~-]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`);
}
