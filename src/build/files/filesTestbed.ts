/** For tests: real layers and threads in a directory of their own. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLayerStore } from "#layers";
import type { LayerStore } from "#layers";
import { openMetadata } from "#metadata";
import { TAR_END, encodeTarHeader, tarPadding, toDisplayPath } from "#tar";
import type { TarHeader } from "#tar";
import type { DiffId } from "#oci";
import type { KeyInputs, Step } from "../graph/handler.ts";
import type { CopyAction, FileAction, FileOperation, Filesystem, Operation } from "../graph/operation.ts";
import type { PackedContext } from "./contextDirectory.ts";
import { createBuildFiles } from "./createBuildFiles.ts";
import type { BuildFiles } from "./createBuildFiles.ts";
import { PackedTree } from "./packedTree.ts";
import type { SourceEntry } from "./sourceTree.ts";

interface Cleanup {
  after(work: () => Promise<void>): void;
}

/** A tar member with its body. */
export type Member = TarHeader & { readonly body?: string };

export interface FilesTestbed {
  readonly layers: LayerStore;
  readonly files: BuildFiles;
  /** Scratch of the test. */
  readonly directory: string;
  /** A layer made of these. */
  readonly add: (...members: readonly Member[]) => Promise<DiffId>;
  readonly step: <O extends Operation>(operation: O, inputs: readonly Filesystem[], more?: Partial<Step<O>>) => Step<O>;
  /** Does a step on a base; the new layer's id. */
  readonly make: (
    actions: readonly FileAction[],
    inputs: readonly Filesystem[],
    more?: Partial<FileOperation>,
  ) => Promise<DiffId>;
  readonly key: (
    actions: readonly FileAction[],
    inputs: readonly Filesystem[],
    more?: Partial<FileOperation>,
  ) => Promise<KeyInputs | undefined>;
  /** What a stack shows, one line each: `path type mode uid:gid mtime content-or-target`. */
  readonly list: (diffIds: readonly DiffId[]) => Promise<string[]>;
  /** Names in the tar of one layer. */
  readonly names: (diffId: DiffId) => Promise<string[]>;
}

const SESSION_NEVER = (): never => {
  throw new Error("not in this test");
};

const NO_SESSION: Step<Operation>["session"] = {
  localDirectory: SESSION_NEVER,
  sendDirectory: SESSION_NEVER,
  upload: SESSION_NEVER,
  secret: SESSION_NEVER,
  connectSshAgent: SESSION_NEVER,
  credentials: SESSION_NEVER,
  contentStore: SESSION_NEVER,
  sendTar: SESSION_NEVER,
  sendTree: SESSION_NEVER,
};

export async function openFilesTestbed(t: Cleanup): Promise<FilesTestbed> {
  const directory = mkdtempSync(join(tmpdir(), "varve-files-"));
  const metadata = openMetadata(join(directory, "varve.db"));
  const layers = await openLayerStore({ root: join(directory, "layers"), records: metadata.layers });
  const files = createBuildFiles({ layers, dataRoot: directory });
  t.after(async () => {
    await files[Symbol.asyncDispose]();
    await layers.close();
    metadata[Symbol.dispose]();
    rmSync(directory, { recursive: true, force: true });
  });
  mkdirSync(join(directory, "context"));
  return {
    layers,
    files,
    directory,
    add: (...members) => addLayer(layers, members),
    step: stepOf,
    make: async (actions, inputs, more = {}) => {
      const made = await files.file.run(stepOf(operationOf(actions, more), inputs));
      const diffId = made.kind === "layers" ? made.diffIds.at(-1) : undefined;
      if (diffId === undefined) throw new Error("no layer was made");
      return diffId;
    },
    key: (actions, inputs, more = {}) => files.file.keyInputs(stepOf(operationOf(actions, more), inputs)),
    list: (diffIds) => listStack(layers, diffIds),
    names: async (diffId) => {
      await using reader = await layers.openReader(diffId);
      return Array.from(reader.image.walk(), ({ path }) => path).filter((path) => path !== "");
    },
  };
}

async function addLayer(layers: LayerStore, members: readonly Member[]): Promise<DiffId> {
  await using writer = await layers.ingestTar();
  await writer.write(tarOf(members));
  return (await writer.commit()).layer.diffId;
}

export function tarOf(members: readonly Member[]): Uint8Array {
  const parts = members.flatMap(({ body = "", ...header }) => {
    const bytes = Buffer.from(body);
    const mode = header.type === "directory" ? 0o755 : 0o644;
    return [encodeTarHeader({ mode, ...header, size: bytes.length }), bytes, tarPadding(bytes.length)];
  });
  return Buffer.concat([...parts, TAR_END]);
}

export function stepOf<O extends Operation>(
  operation: O,
  inputs: readonly Filesystem[],
  more: Partial<Step<O>> = {},
): Step<O> {
  return {
    vertex: {
      digest: "sha256:0",
      name: "step",
      operation,
      inputs: [],
      ignoreCache: false,
      location: undefined,
      instruction: "",
    },
    operation,
    inputs,
    session: NO_SESSION,
    progress: { status: () => undefined, log: () => undefined },
    lease: { keepLayer: () => undefined, keepBlob: () => undefined, hold: () => undefined },
    signal: new AbortController().signal,
    ...more,
  };
}

function operationOf(actions: readonly FileAction[], more: Partial<FileOperation>): FileOperation {
  return {
    kind: "file",
    actions,
    link: false,
    epoch: undefined,
    ...more,
  };
}

async function listStack(layers: LayerStore, diffIds: readonly DiffId[]): Promise<string[]> {
  await using view = await layers.openView(diffIds);
  const lines: string[] = [];
  for (const entry of view.walk()) {
    if (entry.path === "") continue;
    const { type, mode, uid, gid, mtimeSeconds } = entry.stat;
    let text = "";
    if (type === "file") text = (await view.readSmallFile(entry)).toString();
    else if (type === "symlink") text = view.readlink(entry);
    lines.push(`${entry.path} ${type} ${mode.toString(8)} ${uid}:${gid} ${mtimeSeconds} ${text}`.trimEnd());
  }
  return lines;
}

/** A plain COPY of the second input. */
export function copyOf(sources: readonly string[], destination: string, more: Partial<CopyAction> = {}): CopyAction {
  return {
    action: "copy",
    input: 1,
    sources,
    destination,
    destinationIsDirectory: destination.endsWith("/"),
    owner: undefined,
    mode: undefined,
    parents: false,
    excludes: [],
    unpack: false,
    keepOwner: false,
    allowNoMatch: false,
    ...more,
  };
}

const TYPE_BITS: Readonly<Record<SourceEntry["type"], number>> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  char: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
  socket: 0o140000,
};

/** What a received context holds, one line each: `path mode uid:gid names content`. */
export function showContext(context: PackedContext): string[] {
  const tree = new PackedTree(context);
  const entries: SourceEntry[] = [];
  const walk = (directory: SourceEntry): void => {
    for (const entry of tree.list(directory)) {
      entries.push(entry);
      walk(entry);
    }
  };
  const root = tree.find("");
  if (root !== undefined) walk(root);
  entries.sort((left, right) => (left.path < right.path ? -1 : 1));
  const lines = entries.map((entry) => {
    const { path, type, mode, uid, gid, inode } = entry;
    const names = inode === undefined ? 1 : entries.filter((other) => other.inode === inode).length;
    const text = type === "file" ? Buffer.concat(Array.from(tree.chunks(entry), (chunk) => Buffer.from(chunk))) : "";
    const bits = (TYPE_BITS[type] | mode).toString(8);
    return `${toDisplayPath(path)} ${bits} ${uid}:${gid} ${type === "directory" ? "" : names} ${text.toString()}`.trimEnd();
  });
  void tree[Symbol.asyncDispose]();
  return lines;
}

export const SCRATCH: Filesystem = { kind: "layers", diffIds: [] };
