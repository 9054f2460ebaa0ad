import { EngineError, ErrorCode } from "#errors";
import { parseDigest } from "#oci";
import { checkDigest, checkSize } from "./expectations.ts";
import type { ExpectedLayer, IngestedLayer } from "./layer.ts";
import { diffIdOf } from "./layerInfo.ts";
import type { LayerTarWriter, TarIngestOptions } from "./layerStore.ts";
import { publishLayer } from "./publishLayer.ts";
import type { StoreContext } from "./storeContext.ts";
import { SINK_ALGORITHM, TarSink } from "./tarSink.ts";

/** See `LayerIngests.ingestTar`. */
export async function openTarWriter(store: StoreContext, options: TarIngestOptions): Promise<LayerTarWriter> {
  const sink = await TarSink.open(store, options.signal);
  let ended = false;
  const abort = async (): Promise<void> => {
    ended = true;
    await sink[Symbol.asyncDispose]();
  };
  return {
    get bytes() {
      return sink.bytes;
    },
    write: (chunk) => sink.write(chunk),
    feed: (work) => sink.feed(work),
    commit: async (expected = {}) => {
      if (ended) throw new EngineError("failed_precondition", ErrorCode.INTERNAL, "the layer writer has ended");
      try {
        return await commit(store, { sink, expected, options });
      } finally {
        await abort();
      }
    },
    abort,
    [Symbol.asyncDispose]: abort,
  };
}

interface FinishedTar {
  readonly sink: TarSink;
  readonly expected: ExpectedLayer;
  readonly options: TarIngestOptions;
}

async function commit(store: StoreContext, { sink, expected, options }: FinishedTar): Promise<IngestedLayer> {
  const indexed = await sink.finish();
  const diffId = diffIdOf(indexed.tarHex, SINK_ALGORITHM);
  const digest = parseDigest(diffId);
  checkSize(expected.blobSize, indexed.tarBytes);
  checkDigest("blob", expected.blobDigest, digest);
  checkDigest("layer", expected.diffId, diffId);
  options.onVerified?.(diffId);
  const layer = await publishLayer(store, sink.path, indexed, SINK_ALGORITHM);
  return { layer, blob: { digest, size: indexed.tarBytes, compression: "none" } };
}
