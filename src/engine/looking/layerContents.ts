import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { shownPath } from "#analysis";
import type { LayerEntry, SearchedLayer } from "#analysis";
import type { OverlayLower } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import { openLayerFile } from "#layers";
import type { LayerFileOfStack } from "#layers";
import { readEntries } from "./layerFilesImage.ts";

const DIGEST_BYTES = 32;
const CHUNK_BYTES = 1 << 20;
/** After so many bytes the thread's other work gets its turn. */
const TURN_BYTES = 32 << 20;

/** What has bytes of its own: the first name of each regular file. */
function ownFiles(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  return entries.filter(({ type, hardLink }) => type === "file" && hardLink !== true);
}

/** sha256 of each regular file of a layer, 32 bytes each, in the order of its entries. */
export async function* hashFiles(file: LayerFileOfStack): AsyncGenerator<Uint8Array> {
  const files = ownFiles(await readEntries(file));
  await using reader = await openLayerFile(file.path);
  const fd = openSync(file.path, "r");
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  try {
    let turn = 0;
    for (const { path } of files) {
      const { offset, length } = reader.image.fileExtent(reader.image.lookup(path) ?? 0);
      const hash = createHash("sha256");
      for (let done = 0; done < length; ) {
        const got = readSync(fd, buffer, 0, Math.min(CHUNK_BYTES, length - done), offset + done);
        if (got === 0) throw new EngineError("data_loss", ErrorCode.INVALID_EROFS, "a layer file is cut short");
        hash.update(buffer.subarray(0, got));
        done += got;
        turn += got;
        if (turn < TURN_BYTES) continue;
        turn = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
      yield hash.digest();
    }
  } finally {
    closeSync(fd);
  }
}

/** What a layer hides of those below it. */
export async function hidingsOf(file: LayerFileOfStack): Promise<Pick<OverlayLower, "whiteouts" | "opaque">> {
  const entries = await readEntries(file);
  const paths = (list: readonly LayerEntry[]): readonly string[] => list.map(({ path }) => shownPath(path));
  return {
    whiteouts: paths(entries.filter(({ whiteout }) => whiteout === true)),
    opaque: paths(entries.filter(({ opaque }) => opaque === true)),
  };
}

/** A layer for the search; `digests` as {@link hashFiles} gives them, wanted only where bytes matter. */
export function searchedLayer(file: LayerFileOfStack, digests: Uint8Array | undefined): SearchedLayer {
  let entries: Promise<readonly LayerEntry[]> | undefined;
  let byPath: ReadonlyMap<string, string> | undefined;
  const read = (): Promise<readonly LayerEntry[]> => (entries ??= readEntries(file));
  return {
    diffId: file.info.diffId,
    entries: read,
    digestOf: async (path) => {
      byPath ??= digestsByPath(await read(), digests ?? new Uint8Array());
      return byPath.get(path) ?? "";
    },
  };
}

function digestsByPath(entries: readonly LayerEntry[], digests: Uint8Array): ReadonlyMap<string, string> {
  const hex = Buffer.from(digests.buffer, digests.byteOffset, digests.byteLength).toString("hex");
  const width = DIGEST_BYTES * 2;
  return new Map(ownFiles(entries).map(({ path }, index) => [path, hex.slice(index * width, (index + 1) * width)]));
}
