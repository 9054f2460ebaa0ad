import { EngineError, ErrorCode } from "#errors";
import type { LayerReads, MergedView, ViewEntry } from "#layers";
import type { DiffId } from "#oci";
import { baseNameOf, fromDisplayPath, toDisplayPath } from "#tar";
import { goMatch } from "./goMatch.ts";

/** As stat(2) has it; times in ns since 1970. */
export interface ResultFileStat {
  /** Its own name. */
  readonly path: string;
  readonly type: ViewEntry["stat"]["type"];
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly modTimeNs: bigint;
  readonly linkname: string;
  readonly device: { readonly major: number; readonly minor: number };
}

/** Looks into a finished result; symlinks are resolved within it. @throws {not_found} `open x: no such file or directory` */
export interface ResultFiles {
  /** `length` 0: to the end. @throws {resource_exhausted} over what a message holds */
  read(path: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array>;
  stat(path: string): Promise<ResultFileStat>;
  /** Names by Go's pattern; "" is all. */
  list(path: string, pattern: string): Promise<readonly ResultFileStat[]>;
}

/** A message of gRPC's has 4 MiB at most. */
const MAX_BYTES = (4 << 20) - 4096;
const NS_A_SECOND = 1_000_000_000n;

function statOf(view: MergedView, entry: ViewEntry): ResultFileStat {
  const { path, stat } = entry;
  const { type, mode, uid, gid, size, mtimeSeconds, mtimeNanoseconds, device } = stat;
  return {
    path: toDisplayPath(baseNameOf(path)),
    type,
    mode,
    uid,
    gid,
    size: type === "file" ? size : 0,
    modTimeNs: BigInt(mtimeSeconds) * NS_A_SECOND + BigInt(mtimeNanoseconds),
    linkname: type === "symlink" ? toDisplayPath(view.readlink(entry)) : "",
    device,
  };
}

/** The files of the stack that `diffIds` gives when it is first asked. */
export function resultFiles(
  layers: Pick<LayerReads, "openView">,
  diffIds: () => Promise<readonly DiffId[]>,
): ResultFiles {
  const within = async <T>(
    { path, act }: { readonly path: string; readonly act: "open" | "lstat" },
    look: (view: MergedView, entry: ViewEntry) => Promise<T> | T,
  ): Promise<T> => {
    await using view = await layers.openView(await diffIds());
    const entry = view.lookup(fromDisplayPath(path));
    if (entry === undefined)
      throw new EngineError("not_found", ErrorCode.BAD_REQUEST, `${act} ${path}: no such file or directory`);
    return await look(view, entry);
  };
  return {
    read: (path, { offset, length } = { offset: 0, length: 0 }) =>
      within({ path, act: "open" }, async (view, entry) => {
        if (entry.stat.type !== "file")
          throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `read ${path}: not a regular file`);
        const rest = Math.max(entry.stat.size - offset, 0);
        const wanted = length === 0 ? rest : Math.min(length, rest);
        if (wanted > MAX_BYTES)
          throw new EngineError("resource_exhausted", ErrorCode.BAD_REQUEST, `${path}: ${wanted} bytes in one answer`);
        const chunks: Uint8Array[] = [];
        for await (const chunk of view.readFile(entry, { offset, length: wanted })) chunks.push(Buffer.from(chunk));
        return Buffer.concat(chunks);
      }),
    stat: (path) => within({ path, act: "lstat" }, statOf),
    list: (path, pattern) =>
      within({ path, act: "open" }, (view, entry) => {
        const listed = view.list(entry.path);
        if (listed === undefined)
          throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `read ${path}: not a directory`);
        return listed.map((one) => statOf(view, one)).filter((one) => pattern === "" || goMatch(pattern, one.path));
      }),
  };
}
