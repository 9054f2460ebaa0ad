import { parseDigest } from "#oci";
import type { Digest } from "#oci";
import type { LayerReads } from "#layers";
import type { CopyAction, Filesystem } from "../graph/operation.ts";
import type { FileWorkers } from "./fileWorkers.ts";
import { locateFilesystem } from "./locate.ts";
import { withKeyContext } from "./missingSource.ts";

export interface ContentDigestDependencies {
  readonly layers: Pick<LayerReads, "get" | "path">;
  readonly workers: FileWorkers;
  readonly dataRoot: string;
}

/**
 * Digest over all that is at a path of a result: names, modes, owners, content, without times. Symlinks to it are followed.
 * @throws {not_found} in BuildKit's words
 */
export type ContentDigest = (filesystem: Filesystem, path: string, signal: AbortSignal) => Promise<Digest>;

export function createContentDigest(dependencies: ContentDigestDependencies): ContentDigest {
  return async (filesystem, path, signal) => {
    const action: CopyAction = {
      action: "copy",
      input: 0,
      sources: [escapeWildcards(path)],
      destination: "/",
      destinationIsDirectory: true,
      owner: undefined,
      mode: undefined,
      parents: false,
      excludes: [],
      unpack: false,
      keepOwner: true,
      allowNoMatch: false,
    };
    const operation = { kind: "file", actions: [action], link: true, epoch: undefined } as const;
    const task = { operation, inputs: [locateFilesystem(dependencies, filesystem)], spoolDirectory: "" };
    const { digests } = await dependencies.workers
      .run({ kind: "digest", task, token: undefined }, { signal })
      .catch((error: unknown) => {
        throw withKeyContext(error);
      });
    return parseDigest(`sha256:${digests[0] ?? ""}`);
  };
}

/** The path is meant as it is: `*` becomes `[*]`, and `\` is one only beside those. */
function escapeWildcards(path: string): string {
  if (!/[*?[]/.test(path)) return path;
  return path.replaceAll(/[*?[\\]/g, (character) => (character === "\\" ? "\\\\" : `[${character}]`));
}
