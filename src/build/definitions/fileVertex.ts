import { isUtf8 } from "node:buffer";
import { layered, makeVertex } from "../frontend/vertices.ts";
import type { CopyAction, FileAction, Owner } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { DefinedAction, DefinedCopy, DefinedOwner } from "./definition.ts";
import { refused, unsupported, vertexAt } from "./planning.ts";
import type { PlannedOperation } from "./planning.ts";

const NO_MODE = -1;
/** What is special to patterns. */
const SPECIAL = /[*?[\]\\]/g;

function ownerOf(owner: DefinedOwner | undefined): Owner | undefined {
  if (owner === undefined) return undefined;
  const textOf = (side: DefinedOwner["user"]): string => side?.byName?.name ?? String(side?.byId ?? 0);
  return `${textOf(owner.user)}:${textOf(owner.group)}`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function copyOf(copy: DefinedCopy, input: number): CopyAction {
  if (copy.includePatterns.length > 0) throw unsupported("a copy with include patterns");
  return {
    action: "copy",
    input,
    sources: [copy.allowWildcard ? copy.src : copy.src.replace(SPECIAL, "\\$&")],
    destination: copy.dest,
    destinationIsDirectory: copy.dest.endsWith("/"),
    owner: ownerOf(copy.owner),
    mode: copy.modeStr === "" ? (copy.mode === NO_MODE ? undefined : octal(copy.mode)) : copy.modeStr,
    parents: false,
    excludes: copy.excludePatterns,
    unpack: copy.attemptUnpack,
    keepOwner: true,
    allowNoMatch: copy.allowEmptyWildcard,
    ...(copy.dirCopyContents ? {} : { keepsName: true }),
  };
}

function nameOf({ copy, mkfile, mkdir, rm, symlink }: DefinedAction): string {
  if (copy !== undefined) return `copy ${copy.src} ${copy.dest}`;
  if (mkfile !== undefined) return `mkfile ${mkfile.path}`;
  if (mkdir !== undefined) return `mkdir ${mkdir.path}`;
  if (rm !== undefined) return `rm ${rm.path}`;
  return symlink === undefined ? "unknown" : `symlink ${symlink.newpath} -> ${symlink.oldpath}`;
}

function actionOf(action: DefinedAction, addInput: (index: number) => number): FileAction {
  const { copy, mkfile, mkdir, rm, symlink } = action;
  if (copy !== undefined) return copyOf(copy, addInput(action.secondaryInput));
  if (mkdir !== undefined)
    return { action: "makeDirectory", path: mkdir.path, mode: mkdir.mode, owner: ownerOf(mkdir.owner) };
  if (symlink !== undefined) {
    const { oldpath: target, newpath: path, owner } = symlink;
    return { action: "makeSymlink", path, target, owner: ownerOf(owner) };
  }
  if (rm !== undefined) {
    if (rm.allowWildcard && /[*?[\]\\]/.test(rm.path)) throw unsupported(`${nameOf(action)} with a pattern`);
    return { action: "remove", path: rm.path, allowAbsent: rm.allowNotFound };
  }
  if (mkfile === undefined) throw unsupported("a file action of an unknown kind");
  if (!isUtf8(mkfile.data)) throw unsupported(`${nameOf(action)}, which is no text,`);
  return {
    action: "makeFile",
    name: mkfile.path.slice(mkfile.path.lastIndexOf("/") + 1),
    data: Buffer.from(mkfile.data).toString("utf8"),
    destination: mkfile.path,
    destinationIsDirectory: false,
    owner: ownerOf(mkfile.owner),
    mode: octal(mkfile.mode),
  };
}

/** Actions one after another, each on what the last one gave. @throws {not_implemented} for any other shape */
export function fileVertex({ operation, inputs, name }: PlannedOperation, output: number): Vertex {
  const actions = operation.file?.actions ?? [];
  const [first] = actions;
  if (first === undefined) throw refused("failed to load LLB: invalid nil file op");
  const isChain = actions.every(({ input }, index) => index === 0 || input === inputs.length + index - 1);
  if (!isChain || actions.at(-1)?.output !== output) throw unsupported("a file operation with several results");
  const read = [layered(vertexAt(inputs, first.input))];
  const addInput = (index: number): number => read.push(vertexAt(inputs, index)) - 1;
  return makeVertex({
    name: name ?? actions.map(nameOf).join(", "),
    operation: {
      kind: "file",
      actions: actions.map((action) => actionOf(action, addInput)),
      link: false,
      epoch: undefined,
    },
    inputs: read,
    ignoreCache: operation.ignoreCache,
  });
}
