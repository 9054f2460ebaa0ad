import type { ResultFiles, ResultFileStat } from "#build";
import { FileType, toGoMode } from "../fsutil/goMode.ts";
import { unary } from "../grpc/server.ts";
import type { Call, Method } from "../grpc/server.ts";
import type { Encodable } from "../wire/types.ts";
import type { Job } from "./jobs.ts";

/** Does something for a call in the build that it names. */
export type InBuild = <T>(call: Call, act: (job: Job) => Promise<T> | T) => Promise<T>;

const TYPE_MODES: Readonly<Record<ResultFileStat["type"], number>> = {
  file: FileType.REGULAR,
  directory: FileType.DIR,
  symlink: FileType.SYMLINK,
  char: FileType.CHAR,
  block: FileType.BLOCK,
  fifo: FileType.PIPE,
};

function toStat({ path, type, mode, uid, gid, size, modTimeNs, linkname, device }: ResultFileStat): Encodable<"Stat"> {
  return {
    path,
    mode: toGoMode(TYPE_MODES[type] | mode),
    uid,
    gid,
    size: BigInt(size),
    modTime: modTimeNs,
    linkname,
    devmajor: BigInt(device.major),
    devminor: BigInt(device.minor),
  };
}

/** A client looks into what it had built: `bake` reads its file from a repository so. */
export function fileMethods(inBuild: InBuild): Readonly<Record<"ReadFile" | "StatFile" | "ReadDir", Method>> {
  const look = <T>(call: Call, ref: string, act: (files: ResultFiles) => Promise<T>): Promise<T> =>
    inBuild(call, (job) => act(job.held(ref).prepared.files));
  return {
    ReadFile: unary("ReadFileRequest", "Bytes", ({ ref, filePath, range }, call) =>
      look(call, ref, async (files) => {
        const { offset = 0n, length = 0n } = range ?? {};
        return { data: await files.read(filePath, { offset: Number(offset), length: Number(length) }) };
      }),
    ),
    StatFile: unary("StatFileRequest", "StatFileResponse", ({ ref, path }, call) =>
      look(call, ref, async (files) => ({ stat: toStat(await files.stat(path)) })),
    ),
    ReadDir: unary("ReadDirRequest", "ReadDirResponse", ({ ref, dirPath, includePattern }, call) =>
      look(call, ref, async (files) => ({ entries: (await files.list(dirPath, includePattern)).map(toStat) })),
    ),
  };
}
