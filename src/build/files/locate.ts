import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import type { LayerFileOfStack, LayerReads } from "#layers";
import { digestOf } from "#oci";
import type { DiffId } from "#oci";
import type { Filesystem } from "../graph/operation.ts";
import type { ContextDirectory } from "./contextDirectory.ts";
import type { TreeLocation } from "./fileTask.ts";

export interface Places {
  readonly layers: Pick<LayerReads, "get" | "path">;
  readonly dataRoot: string;
}

const NAME_CHARACTERS = 32;

/** A result as a worker can open it. @throws {not_found} LAYER_NOT_FOUND */
export function locateFilesystem({ layers, dataRoot }: Places, filesystem: Filesystem): TreeLocation {
  if (filesystem.kind === "context") return locateContext(dataRoot, filesystem.directory);
  const files = filesystem.diffIds.map((diffId) => layerFile(layers, diffId));
  return { kind: "layers", layers: files, hashDirectory: join(dataRoot, "buildkit", "hashes") };
}

function locateContext(dataRoot: string, directory: ContextDirectory): TreeLocation {
  if ("list" in directory) return { kind: "pack", pack: directory.pack, list: directory.list };
  const { path, excludes = [], isOwnedByRoot = false, key = path } = directory;
  const name = digestOf(key).slice("sha256:".length).slice(0, NAME_CHARACTERS);
  const hashFile = join(dataRoot, "buildkit", "hashes", name);
  return { kind: "disk", root: path, excludes, ownedByRoot: isOwnedByRoot, hashFile };
}

function layerFile(layers: Places["layers"], diffId: DiffId): LayerFileOfStack {
  // `path` has the words for a layer that is not here.
  const path = layers.path(diffId);
  const info = layers.get(diffId);
  if (info === undefined) throw new EngineError("not_found", ErrorCode.LAYER_NOT_FOUND, `no such layer: ${diffId}`);
  return { path, info };
}
