import type { Filesystem } from "../graph/operation.ts";

/** Reads single files of a result, without a mount: the Dockerfile, an ignore file. Symlinks are resolved inside the root. */
export interface FilesystemReader {
  /** undefined when there is no such file. @throws {invalid_argument} a directory, a special file; {resource_exhausted} larger than `maxBytes` */
  readFile(filesystem: Filesystem, path: string, maxBytes: number): Promise<Uint8Array | undefined>;
}
