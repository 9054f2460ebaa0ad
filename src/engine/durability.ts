import type { ContentStore } from "#content";
import { messageOf } from "#errors";
import { syncFilesystem } from "#host";
import type { LayerStore } from "#layers";
import type { Metadata } from "#metadata";
import type { EngineConfig } from "./config.ts";

/** Flushes in the background what commits did not wait for (ADR 0005). */
export interface Flusher extends AsyncDisposable {
  /** Asks for a flush soon; calls within the delay become one. */
  schedule(): void;
  /** Flushes now; at a clean stop. */
  flush(): Promise<void>;
}

const DELAY_MS = 3000;

/** One syncfs covers blobs and layers; what was committed while it ran stays unsynced until the next. */
export function createFlusher(stores: {
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly metadata: Metadata;
  readonly config: EngineConfig;
}): Flusher {
  const { content, layers, metadata, config } = stores;
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<void> = Promise.resolve();

  const work = async (): Promise<void> => {
    const blobs = await content.unsynced();
    if (blobs.length > 0) {
      await syncFilesystem(config.dataRoot);
      await content.markSynced(blobs);
    }
    await layers.syncUnsynced();
    // The disk has just been waited for: the cheapest moment to empty the write-ahead log.
    metadata.checkpoint();
  };
  const flush = (): Promise<void> => {
    const run = last.then(work);
    last = run.catch((error: unknown) => config.log("warn", `sync: ${messageOf(error)}`));
    return run;
  };
  return {
    flush,
    schedule: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void flush().catch(() => undefined);
      }, DELAY_MS).unref();
    },
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      await last;
    },
  };
}

/** After an unclean boot: verifies what was not synced and drops what is damaged, before anybody can ask for it. */
export async function repair(content: ContentStore, layers: LayerStore, log: EngineConfig["log"]): Promise<void> {
  log("info", "the machine went down under the last daemon: verifying what was not yet on disk");
  const [blobs, dropped] = [await content.verifyUnsynced(), await layers.verifyUnsynced()];
  for (const digest of blobs.dropped) log("warn", `damaged and dropped: blob ${digest}`);
  for (const diffId of dropped) log("warn", `damaged and dropped: layer ${diffId}`);
}
