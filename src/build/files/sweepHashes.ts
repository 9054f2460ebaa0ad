import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { LayerReads } from "#layers";
import { parseDiffId } from "#oci";

const MAX_AGE_MS = 30 * 24 * 3600 * 1000;
const LAYER = /^layer-([0-9a-f]{64})$/;

/** Removes remembered digests of layers that are gone, and of directories in which nothing has changed for a month. */
export async function sweepHashes(directory: string, layers: Pick<LayerReads, "get">, now: number): Promise<void> {
  const names = await readdir(directory).catch((): string[] => []);
  for (const name of names) {
    const path = join(directory, name);
    const hex = LAYER.exec(name)?.[1];
    const isWanted =
      hex === undefined
        ? now - (await stat(path)).mtimeMs < MAX_AGE_MS
        : layers.get(parseDiffId(`sha256:${hex}`)) !== undefined;
    if (!isWanted) await rm(path, { force: true });
  }
}
