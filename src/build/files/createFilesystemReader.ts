import { closeSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { EngineError, ErrorCode } from "#errors";
import { isErrno, openInRoot } from "#host";
import { fromDisplayPath } from "#tar";
import type { LayerReads } from "#layers";
import type { TreeLocation } from "./fileTask.ts";
import type { FileWorkers } from "./fileWorkers.ts";
import type { FilesystemReader } from "./filesystemReader.ts";
import { locateFilesystem } from "./locate.ts";
import { PackedTree } from "./packedTree.ts";
import { readSmallFile } from "./readSmallFile.ts";
import type { SmallFile } from "./readSmallFile.ts";

export interface FilesystemReaderDependencies {
  readonly layers: Pick<LayerReads, "get" | "path">;
  readonly workers: FileWorkers;
  readonly dataRoot: string;
}

const O_PATH = 0o10000000;
/** Of a hundred entries or so. */
const SMALL_LIST_BYTES = 16 << 10;
const NEVER: AbortSignal = new AbortController().signal;

/** Single files of results, symlinks resolved inside the root. */
export function createFilesystemReader(dependencies: FilesystemReaderDependencies): FilesystemReader {
  return {
    async readFile(filesystem, path, maxBytes) {
      const tree = locateFilesystem(dependencies, filesystem);
      const found = await readFrom(dependencies.workers, tree, { path: fromDisplayPath(path), maxBytes });
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

interface FileToRead {
  /** latin1 */
  readonly path: string;
  readonly maxBytes: number;
}

/** The Dockerfile is wanted before all else, when no thread may be there yet: what is plain to find is read here. */
async function readFrom(workers: FileWorkers, tree: TreeLocation, file: FileToRead): Promise<SmallFile> {
  if (tree.kind === "disk" && tree.excludes.length === 0) return readPlain(tree.root, file);
  if (tree.kind === "pack" && (await stat(tree.list)).size <= SMALL_LIST_BYTES) {
    await using packed = new PackedTree(tree);
    return readSmallFile(packed, file.path, file.maxBytes);
  }
  return workers.run({ kind: "read", tree, ...file }, { signal: NEVER });
}

async function readPlain(root: string, { path, maxBytes }: FileToRead): Promise<SmallFile> {
  let place: number;
  try {
    place = openInRoot(root, Buffer.from(path, "latin1"), O_PATH);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return { kind: "absent" };
    throw error;
  }
  try {
    return await readPlace(place, maxBytes);
  } finally {
    closeSync(place);
  }
}

/** What an O_PATH descriptor stands for; opened only when it is a file, for opening may do something to what is none. */
async function readPlace(place: number, maxBytes: number): Promise<SmallFile> {
  const name = `/proc/self/fd/${place}`;
  const facts = await stat(name);
  if (facts.isDirectory()) return { kind: "other", problem: "is a directory" };
  if (!facts.isFile()) return { kind: "other", problem: "not a regular file" };
  if (facts.size > maxBytes) return { kind: "tooLarge", bytes: facts.size };
  await using file = await open(name);
  const bytes = new Uint8Array(facts.size);
  let at = 0;
  for (let got = -1; at < bytes.length && got !== 0; at += got) {
    got = (await file.read(bytes, at, bytes.length - at, at)).bytesRead;
  }
  return { kind: "file", bytes: bytes.subarray(0, at) };
}
