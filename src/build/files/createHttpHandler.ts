import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, rm, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, ErrorCode, wrapError } from "#errors";
import type { OperationHandler, Step } from "../graph/handler.ts";
import type { Filesystem, HttpSource } from "../graph/operation.ts";
import type { BuildSession } from "../session.ts";
import { download } from "../sources/download.ts";
import { ArchiveScan, readArchive, sendArchive } from "./archivedContext.ts";
import type { ArchivedEntries } from "./archivedContext.ts";
import type { ContextReceiver } from "./contextDirectory.ts";
import type { ContextStore } from "./contextStore.ts";

const UPLOAD = /^https?:\/\/buildkit-session\//;
const FILE_BITS = 0o100000;
const DEFAULT_MODE = 0o600;
const NANO_PER_MS = 1_000_000n;
/** Of a body that nobody has bounded. */
const MAX_DOWNLOAD_BYTES = 64 * 2 ** 30;

export interface HttpHandlerDependencies {
  readonly contexts: ContextStore;
  /** For bytes on their way; files in it have no name. */
  readonly spoolDirectory: string;
}

interface Download extends Disposable {
  readonly body: AsyncIterable<Uint8Array>;
  readonly total: number | undefined;
  /** ms since 1970 */
  readonly modifiedAt: number;
  readonly filename: string;
}

/** Files from the net, and archives that a client sends as its context. */
export function createHttpHandler(dependencies: HttpHandlerDependencies): OperationHandler<HttpSource> {
  return {
    // Whether it changed is seen by fetching it; what is made of it is keyed by its content.
    keyInputs: async () => undefined,
    async run(step) {
      const { operation, session, signal } = step;
      using source = UPLOAD.test(operation.url)
        ? uploaded(operation.url, session)
        : await fetchFile(operation.url, signal);
      await using spool = await openSpool(dependencies.spoolDirectory);
      const scan = operation.unpack ? new ArchiveScan() : undefined;
      const size = await save(source, spool.file, { step, scan });
      return await keep(dependencies, step, { spool: spool.file, size, download: source, entries: scan?.finish() });
    },
  };
}

interface Saved {
  readonly spool: FileHandle;
  readonly size: number;
  readonly download: Download;
  /** When it is a plain tar. */
  readonly entries: ArchivedEntries | undefined;
}

async function keep(dependencies: HttpHandlerDependencies, step: Step<HttpSource>, saved: Saved): Promise<Filesystem> {
  const { contexts, spoolDirectory } = dependencies;
  const { operation, signal, lease } = step;
  const isPlain = saved.entries !== undefined || !operation.unpack;
  await using plain = isPlain ? undefined : await openSpool(spoolDirectory);
  const entries = plain === undefined ? saved.entries : await readArchive(bytesOf(saved), plain.file, signal);
  const held = await contexts.receive(
    { name: operation.url, sharedKey: "" },
    (receiver) =>
      entries === undefined
        ? sendFile(saved, operation, receiver)
        : sendArchive(entries, plain?.file ?? saved.spool, receiver),
    signal,
  );
  lease.hold(held);
  return { kind: "context", directory: held.context };
}

async function sendFile(
  { download, size, spool }: Omit<Saved, "entries">,
  operation: HttpSource,
  receiver: ContextReceiver,
): Promise<void> {
  const isWanted = receiver.entry({
    path: operation.filename ?? download.filename,
    mode: FILE_BITS | (operation.mode ?? DEFAULT_MODE),
    uid: operation.uid ?? 0,
    gid: operation.gid ?? 0,
    size,
    modifiedAt: BigInt(Math.trunc(download.modifiedAt)) * NANO_PER_MS,
    linkname: "",
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
  });
  if (!isWanted) return;
  for await (const chunk of bytesOf({ spool, size })) {
    receiver.write(0, chunk);
    await receiver.drained();
  }
  receiver.end(0);
}

function bytesOf({ spool, size }: Pick<Saved, "spool" | "size">): AsyncIterable<Uint8Array> {
  if (size === 0) return (async function* (): AsyncGenerator<Uint8Array> {})();
  return spool.createReadStream({ start: 0, end: size - 1, autoClose: false, highWaterMark: 1 << 20 });
}

/** Bytes to disk, counted and checked. @throws {invalid_argument} `digest mismatch …` */
async function save(
  download: Download,
  file: FileHandle,
  { step, scan }: { readonly step: Step<HttpSource>; readonly scan: ArchiveScan | undefined },
): Promise<number> {
  const { operation, progress, signal } = step;
  const hash = operation.checksum === undefined ? undefined : createHash("sha256");
  const total = download.total === undefined ? {} : { total: download.total };
  const line = UPLOAD.test(operation.url) ? "transferring context:" : `downloading ${operation.url}`;
  let size = 0;
  for await (const chunk of download.body) {
    signal.throwIfAborted();
    size += chunk.byteLength;
    if (size > MAX_DOWNLOAD_BYTES) {
      throw new EngineError(
        "resource_exhausted",
        ErrorCode.LAYER_LIMIT,
        `${operation.url}: more than ${MAX_DOWNLOAD_BYTES} bytes`,
      );
    }
    hash?.update(chunk);
    scan?.push(chunk);
    for (let at = 0; at < chunk.byteLength; ) at += (await file.write(chunk, at)).bytesWritten;
    progress.status(line, { current: size, ...total });
  }
  progress.status(line, { current: size, ...total, done: true });
  const digest = hash === undefined ? undefined : `sha256:${hash.digest("hex")}`;
  if (digest === operation.checksum) return size;
  throw new EngineError(
    "invalid_argument",
    ErrorCode.DIGEST_MISMATCH,
    `digest mismatch ${digest}: ${operation.checksum}`,
  );
}

/** The name that a URL or its answer gives a file; never a path. */
function filenameOf(url: string, disposition: string | null): string {
  const named = /filename="?([^";]+)"?/i.exec(disposition ?? "")?.[1];
  const last =
    named ??
    decodeURIComponent(new URL(url).pathname)
      .split("/")
      .findLast((part) => part !== "");
  const name = (last ?? "").split("/").at(-1) ?? "";
  return name === "" || name === "." || name === ".." || name.includes("\0") ? "download" : name;
}

function uploaded(url: string, session: BuildSession): Download {
  const dispose = (): void => undefined;
  return { body: session.upload(url), total: undefined, modifiedAt: 0, filename: "context", [Symbol.dispose]: dispose };
}

async function fetchFile(url: string, signal: AbortSignal): Promise<Download> {
  const answer = await download(url, { "Accept-Encoding": "identity" }, signal).catch((error: unknown) => {
    throw wrapError(error, "failed to load cache key");
  });
  const length = answer.header("content-length");
  const modified = Date.parse(answer.header("last-modified") ?? "");
  return {
    body: answer.body,
    total: length === undefined ? undefined : Number(length),
    modifiedAt: Number.isNaN(modified) ? 0 : modified,
    filename: filenameOf(url, answer.header("content-disposition") ?? null),
    [Symbol.dispose]: () => answer[Symbol.dispose](),
  };
}

/** A file that is gone when it is closed. */
async function openSpool(directory: string): Promise<AsyncDisposable & { readonly file: FileHandle }> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, randomUUID());
  const file = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
  return { file, [Symbol.asyncDispose]: () => file.close() };
}
