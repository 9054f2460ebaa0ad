import { lstatSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import type { LocalDirectory } from "#engineapi";
import { OCI_LAYOUT, parseLayout } from "./ociLayout.ts";
import { fileProblem } from "../options/fileProblem.ts";

const ARCHIVE_HEADER_BYTES = 1024;
const MAX_DOCKERFILE_BYTES = 2 << 20;
const REMOTE = /^(?:https?:\/\/|git:\/\/|ssh:\/\/|github\.com\/|git@)/;
const NAMED_REMOTE = /^(?:docker-image|target):/;

/** What the daemon is told of the context, and what we can be asked for. */
export interface ContextSource {
  readonly attributes: Readonly<Record<string, string>>;
  /** By the session's names. */
  readonly directories: Readonly<Record<string, LocalDirectory>>;
  /** A Dockerfile that is in no directory: its text stands for the directory of this name. */
  readonly inlineDockerfile: Uint8Array | undefined;
  /** A context as tar on standard input. */
  readonly upload: AsyncIterable<Uint8Array> | undefined;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function directoryAt(path: string): LocalDirectory {
  const absolute = resolve(path);
  const { dev, ino } = statSync(absolute, { bigint: true });
  return { path: absolute, device: String(dev), inode: String(ino) };
}

/** The same text for the same directory of the same machine. */
function sharedKey(path: string): string {
  return `${hostname()}:${resolve(path)}`;
}

/** `Dockerfile`, unless there is only a `dockerfile`. */
function dockerfileIn(directory: string, name: string): string {
  const has = (candidate: string): boolean => {
    try {
      lstatSync(join(directory, candidate));
      return true;
    } catch {
      return false;
    }
  };
  return name === "Dockerfile" && !has(name) && has("dockerfile") ? "dockerfile" : name;
}

interface Head {
  readonly bytes: Uint8Array;
  /** Everything, what was looked at included. */
  readonly all: AsyncIterable<Uint8Array>;
}

async function peek(input: AsyncIterable<Uint8Array>): Promise<Head> {
  const iterator = input[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size < ARCHIVE_HEADER_BYTES) {
    const next = await iterator.next();
    if (next.done === true) break;
    chunks.push(next.value);
    size += next.value.byteLength;
  }
  const all = (async function* (): AsyncGenerator<Uint8Array> {
    yield* chunks;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  })();
  return { bytes: Buffer.concat(chunks), all };
}

const MAGICS = [
  [0x42, 0x5a, 0x68],
  [0x1f, 0x8b, 0x08],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  [0x28, 0xb5, 0x2f, 0xfd],
];

/** Compressed, or the first block of a tar, whose checksum holds. */
function isArchive(bytes: Uint8Array): boolean {
  if (MAGICS.some((magic) => magic.every((byte, at) => bytes[at] === byte))) return true;
  if (bytes.byteLength < 512) return false;
  const block = bytes.subarray(0, 512);
  const written = Number.parseInt(Buffer.from(block.subarray(148, 156)).toString("latin1").replaceAll("\0", ""), 8);
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  return written === sum;
}

async function wholeDockerfile(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.byteLength;
    if (size > MAX_DOCKERFILE_BYTES) throw new Error("the Dockerfile on standard input is bigger than 2 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Offered, but nowhere on disk: never read in place. */
const VIRTUAL: LocalDirectory = { path: "/", device: "", inode: "" };
const NOTHING: ContextSource = { attributes: {}, directories: {}, inlineDockerfile: undefined, upload: undefined };
const INLINE = { filename: "Dockerfile", dockerfilekey: "dockerfile" };

async function fromInput(file: string, stdin: () => Readable): Promise<ContextSource> {
  if (file === "-") throw new Error("invalid argument: can't use stdin for both build context and dockerfile");
  const { bytes, all } = await peek(stdin());
  if (bytes.byteLength > 0 && isArchive(bytes)) {
    const attributes = { context: "http://buildkit-session/stdin", filename: file === "" ? "Dockerfile" : file };
    return { ...NOTHING, attributes, upload: all };
  }
  if (file !== "") throw new Error("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
  const directories = { context: VIRTUAL, dockerfile: VIRTUAL };
  return { ...NOTHING, attributes: INLINE, directories, inlineDockerfile: await wholeDockerfile(all) };
}

async function fromRemote(url: string, file: string, stdin: () => Readable): Promise<ContextSource> {
  const attributes = { context: url };
  if (file === "-") {
    const inlineDockerfile = await wholeDockerfile(stdin());
    return {
      ...NOTHING,
      attributes: { ...attributes, ...INLINE },
      directories: { dockerfile: VIRTUAL },
      inlineDockerfile,
    };
  }
  if (!isAbsolute(file))
    return { ...NOTHING, attributes: { ...attributes, filename: file === "" ? "Dockerfile" : file } };
  const directories = { dockerfile: directoryAt(dirname(file)) };
  return {
    ...NOTHING,
    attributes: { ...attributes, filename: basename(file), dockerfilekey: "dockerfile" },
    directories,
  };
}

async function fromDirectory(path: string, file: string, stdin: () => Readable): Promise<ContextSource> {
  const context = directoryAt(path);
  const key = { "sharedkey:localdir:context": sharedKey(path) };
  if (file === "-") {
    const inlineDockerfile = await wholeDockerfile(stdin());
    return {
      ...NOTHING,
      attributes: { ...key, ...INLINE },
      directories: { context, dockerfile: VIRTUAL },
      inlineDockerfile,
    };
  }
  const directory = file === "" ? path : dirname(file);
  if (!isDirectory(directory)) {
    throw new Error(`resolve : lstat ${directory}: no such file or directory`);
  }
  const filename = dockerfileIn(directory, file === "" ? "Dockerfile" : basename(file));
  const attributes = { ...key, "sharedkey:localdir:dockerfile": sharedKey(directory), filename };
  return { ...NOTHING, attributes, directories: { context, dockerfile: directoryAt(directory) } };
}

/** PATH, URL or `-`, with `-f`. @throws {Error} in buildx's words */
export function contextSource(context: string, file: string, stdin: () => Readable): Promise<ContextSource> {
  if (context === "-") return fromInput(file, stdin);
  if (isDirectory(context)) return fromDirectory(context, file, stdin);
  if (REMOTE.test(context) || /\.git(?:#.*)?$/.test(context)) return fromRemote(context, file, stdin);
  return Promise.reject(new Error(`unable to prepare context: path ${JSON.stringify(context)} not found`));
}

/** `--build-context` by name → attributes, and directories that the session offers. @throws {Error} in buildx's words */
export function namedContexts(
  contexts: ReadonlyMap<string, string>,
): Pick<ContextSource, "attributes" | "directories"> & { readonly stores: ReadonlyMap<string, string> } {
  const stores = new Map<string, string>();
  const attributes: Record<string, string> = {};
  const directories: Record<string, LocalDirectory> = {};
  for (const [name, value] of contexts) {
    if (REMOTE.test(value) || NAMED_REMOTE.test(value)) {
      attributes[`context:${name}`] = value;
      continue;
    }
    if (value.startsWith(OCI_LAYOUT)) {
      const layout = parseLayout(value);
      stores.set(`layout-${name}`, layout.path);
      attributes[`context:${name}`] = `${OCI_LAYOUT}layout-${name}@${layout.digest}`;
      continue;
    }
    const offered = name === "context" || name === "dockerfile" ? `_${name}` : name;
    try {
      if (!statSync(value).isDirectory())
        throw new Error(`failed to get build context path {${value} <nil>}: not a directory`);
    } catch (error) {
      if (error instanceof Error && !("code" in error)) throw error;
      throw new Error(`failed to get build context ${name}: ${fileProblem(error, "stat", value)}`, { cause: error });
    }
    directories[offered] = directoryAt(value);
    attributes[`context:${name}`] = `local:${offered}`;
    attributes[`sharedkey:localdir:${name}`] = sharedKey(value);
  }
  return { attributes, directories, stores };
}
