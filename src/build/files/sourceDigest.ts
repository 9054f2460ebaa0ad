import { createHash, hash } from "node:crypto";
import type { CopyAction, FileOperation } from "../graph/operation.ts";
import type { TaskSources } from "./fileTask.ts";
import type { SourceEntry, SourceTree } from "./sourceTree.ts";
import { FileListWriter } from "./fileList.ts";

/** What the sources of a file operation are, apart from their times. */
export interface SourceDigests {
  /** By position of the action; "" for one that copies nothing. sha256, hex. */
  readonly digests: readonly string[];
  /** See `fileList.ts`. */
  readonly files: Uint8Array<ArrayBuffer>;
}

/** @throws {not_found} for a source that is not there */
export async function digestSources(operation: FileOperation, sources: TaskSources): Promise<SourceDigests> {
  const files = new FileListWriter();
  const digests: string[] = [];
  for (const [index, action] of operation.actions.entries()) {
    digests.push(action.action === "copy" ? await digestCopy(sources, { action, index, files }) : "");
  }
  return { digests, files: files.finish() };
}

interface CopyToDigest {
  readonly action: CopyAction;
  readonly index: number;
  readonly files: FileListWriter;
}

async function digestCopy(sources: TaskSources, { action, index, files }: CopyToDigest): Promise<string> {
  const sum = createHash("sha256");
  const tree = sources.trees.get(action.input);
  for (const { name, top, below } of sources.select(index, action)) {
    await tree.prepare([top, ...below.map(({ entry }) => entry)], sources.checkStop);
    const links = new Map<string, string>();
    const describe = (entry: SourceEntry, path: string, isIncluded: boolean): string => {
      sources.checkStop();
      const known = entry.inode === undefined ? undefined : links.get(entry.inode);
      if (entry.inode !== undefined && known === undefined) links.set(entry.inode, path);
      const content = known === undefined ? contentOf(tree, entry) : `link ${known}`;
      if (entry.type === "file" && known === undefined) files.add(entry.path, entry.mode, content);
      const owner = action.keepOwner && action.owner === undefined ? `${entry.uid}:${entry.gid}` : "";
      const xattrs = digestXattrs(tree.xattrs(entry));
      return `${path}\0${entry.type}\0${entry.mode}\0${owner}\0${content}\0${xattrs}\0${isIncluded}\n`;
    };
    // A directory's own name does not reach the image, a file's does.
    const ownName = top.type === "directory" ? "" : name.slice(name.lastIndexOf("/") + 1);
    sum.update(describe(top, ownName, true), "latin1");
    let lines = "";
    for (const { entry, path, isIncluded } of below) {
      lines += describe(entry, path, isIncluded);
      if (lines.length < 1 << 16) continue;
      sum.update(lines, "latin1");
      lines = "";
    }
    sum.update(`${lines}\0`, "latin1");
  }
  return sum.digest("hex");
}

function contentOf(tree: SourceTree, entry: SourceEntry): string {
  switch (entry.type) {
    case "file":
      return tree.digest(entry);
    case "symlink":
      return tree.readlink(entry);
    case "char":
    case "block":
      return `${entry.deviceMajor}:${entry.deviceMinor}`;
    case "directory":
    case "fifo":
    case "socket":
      return "";
  }
}

function digestXattrs(xattrs: ReadonlyMap<string, Uint8Array> | undefined): string {
  if (xattrs === undefined) return "";
  const parts = [...xattrs].map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`);
  return hash("sha256", parts.sort().join("\n"), "hex");
}
