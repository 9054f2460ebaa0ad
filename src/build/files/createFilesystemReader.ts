import { EngineError, ErrorCode } from "#errors";
import { fromDisplayPath } from "#tar";
import type { LayerReads } from "#layers";
import type { FileWorkers } from "./fileWorkers.ts";
import type { FilesystemReader } from "./filesystemReader.ts";
import { locateFilesystem } from "./locate.ts";

export interface FilesystemReaderDependencies {
  readonly layers: Pick<LayerReads, "get" | "path">;
  readonly workers: FileWorkers;
  readonly dataRoot: string;
}

const NEVER: AbortSignal = new AbortController().signal;

/** Single files of results, read in a thread, symlinks resolved inside the root. */
export function createFilesystemReader(dependencies: FilesystemReaderDependencies): FilesystemReader {
  return {
    async readFile(filesystem, path, maxBytes) {
      const tree = locateFilesystem(dependencies, filesystem);
      const found = await dependencies.workers.run(
        { kind: "read", tree, path: fromDisplayPath(path), maxBytes },
        { signal: NEVER },
      );
      switch (found.kind) {
        case "absent":
          return undefined;
        case "file":
          return found.bytes;
        case "other":
          throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `read ${path}: ${found.problem}`);
        case "tooLarge":
          throw new EngineError(
            "resource_exhausted",
            ErrorCode.BAD_REQUEST,
            `${path}: ${found.bytes} bytes, more than the ${maxBytes} that it may have`,
          );
      }
    },
  };
}
