import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { posix } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import { TarScanner, cleanTarPath, toDisplayPath } from "#tar";
import type { TarEntry } from "#tar";
import { compressionOfSpan, inflate } from "./compression.ts";
import { readSpan, readWhole } from "./fileSpan.ts";
import type { FileSpan } from "./fileSpan.ts";
import { scanHeaders } from "./scanLayer.ts";
import type { TemporaryFiles } from "./temporaryFiles.ts";

/** Members of one archive; docker writes four a layer, at most. */
const MAX_MEMBERS = 100_000;
const MAX_METADATA_BYTES = 64 << 20;
/** Largest member that is read into memory. */
const MAX_DOCUMENT_BYTES = 8 << 20;

type Member = { readonly span: FileSpan } | { readonly link: string } | { readonly unusable: string };

/** A tar that holds an image: its members by name, none of them read yet. */
export class ArchiveFile {
  /** The tar itself. */
  readonly #span: FileSpan;
  readonly #members = new Map<string, Member>();

  private constructor(span: FileSpan) {
    this.#span = span;
  }

  /** @throws {invalid_argument} INVALID_ARCHIVE, INVALID_TAR, PATH_ESCAPE; {resource_exhausted} TAR_LIMIT */
  static async read(span: FileSpan, signal?: AbortSignal): Promise<ArchiveFile> {
    const archive = new ArchiveFile(span);
    const limits = { maxEntries: MAX_MEMBERS, maxMetadataBytes: MAX_METADATA_BYTES };
    const scanner = new TarScanner({ limits, onEntry: (entry) => archive.#enter(entry) });
    await scanHeaders(span, scanner, signal);
    scanner.finish();
    return archive;
  }

  has(name: string): boolean {
    return this.#members.has(cleanTarPath(name));
  }

  /** Where a file of the archive lies; one link is followed. @throws {invalid_argument} INVALID_ARCHIVE */
  span(name: string): FileSpan {
    const path = cleanTarPath(name);
    const named = this.#members.get(path);
    const member = named !== undefined && "link" in named ? this.#members.get(named.link) : named;
    if (member === undefined) throw invalidArchive(`${quoted(name)} is missing`);
    if (!("span" in member))
      throw invalidArchive(`${quoted(name)} ${"link" in member ? "is a link to a link" : member.unusable}`);
    return member.span;
  }

  /** A small member's bytes. @throws {invalid_argument} INVALID_ARCHIVE */
  async document(name: string): Promise<Buffer> {
    const span = this.span(name);
    if (span.size > MAX_DOCUMENT_BYTES) {
      throw invalidArchive(`${quoted(name)} is no document of at most ${MAX_DOCUMENT_BYTES} bytes`);
    }
    return await readWhole(span);
  }

  #enter(entry: TarEntry): void {
    const path = cleanTarPath(entry.path);
    if (entry.type === "directory") return;
    if (this.#members.has(path)) throw invalidArchive(`${quoted(path)} is in it twice`);
    this.#members.set(path, this.#memberOf(path, entry));
  }

  #memberOf(path: string, entry: TarEntry): Member {
    if (entry.type === "symlink" || entry.type === "hardlink") return { link: targetOf(path, entry) };
    if (entry.type !== "file") return { unusable: "is neither a file nor a link" };
    if (entry.sparse !== undefined) return { unusable: "is a sparse file" };
    if (entry.dataOffset + entry.size > this.#span.size) return { unusable: "is cut short" };
    const { file, offset } = this.#span;
    return { span: { file, offset: offset + entry.dataOffset, size: entry.size } };
  }
}

/** @throws {invalid_argument} PATH_ESCAPE when the link leads out of the archive */
function targetOf(path: string, { type, linkPath }: TarEntry): string {
  const whole = posix.normalize(posix.join(type === "symlink" ? posix.dirname(path) : ".", linkPath));
  if (linkPath.startsWith("/") || whole === ".." || whole.startsWith("../")) {
    const message = `invalid archive: link ${quoted(path)} leads out of it, to ${quoted(linkPath)}`;
    throw new EngineError("invalid_argument", ErrorCode.PATH_ESCAPE, message);
  }
  return cleanTarPath(whole);
}

/**
 * Opens what a user named; `stack` closes it. A compressed archive, or one that comes out of a pipe, is first copied, plain, to
 * a temporary file: its last member may be the one that must be read first.
 * @throws {not_found} ARCHIVE_NOT_FOUND, {invalid_argument} when it is a directory, {resource_exhausted} when the copy would
 * be too large
 */
export async function openPlainFile(
  path: string,
  context: {
    readonly temporaries: TemporaryFiles;
    readonly stack: AsyncDisposableStack;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<FileSpan> {
  const file = await openFile(path);
  context.stack.defer(() => file.close());
  const stat = await file.stat();
  if (stat.isDirectory())
    throw new EngineError("invalid_argument", ErrorCode.INVALID_ARCHIVE, `open ${path}: is a directory`);
  const span = { file, offset: 0, size: stat.size };
  if (!stat.isFile()) return await copyPlain(path, streamOf(file), context);
  const compression = await compressionOfSpan(span);
  if (compression === "none") return span;
  return await copyPlain(path, inflate(readSpan(span, { signal: context.signal }), compression), context);
}

/** A pipe may be waited for, a FIFO without a writer too: as `cat` does. */
async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** @returns the error in the words of Go's `os.Open` */
export function unreadable(path: string, cause: unknown): EngineError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const [category, words] =
    OPEN_ERRORS.get(code) ?? (["internal", cause instanceof Error ? cause.message : code] as const);
  return new EngineError(category, ErrorCode.ARCHIVE_NOT_FOUND, `open ${path}: ${words}`, { cause });
}

const OPEN_ERRORS: ReadonlyMap<string, readonly ["not_found" | "permission_denied" | "invalid_argument", string]> =
  new Map([
    ["ENOENT", ["not_found", "no such file or directory"]],
    ["ENOTDIR", ["not_found", "not a directory"]],
    ["EACCES", ["permission_denied", "permission denied"]],
    ["EPERM", ["permission_denied", "operation not permitted"]],
    ["ELOOP", ["invalid_argument", "too many levels of symbolic links"]],
  ] as const);

async function* streamOf(file: FileHandle): AsyncGenerator<Uint8Array, void, void> {
  const bytes = Buffer.allocUnsafeSlow(1 << 18);
  for (;;) {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, null);
    if (bytesRead === 0) return;
    yield bytes.subarray(0, bytesRead);
  }
}

async function copyPlain(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { temporaries }: { readonly temporaries: TemporaryFiles },
): Promise<FileSpan> {
  const copy = await temporaries.create();
  for await (const chunk of chunks) {
    if (await copy.append(chunk)) continue;
    const message = `${path}: it is no plain file, and a plain copy would be larger than ${temporaries.maxBytes} bytes or than the disk`;
    throw new EngineError("resource_exhausted", ErrorCode.NO_SPACE, message, { hint: "decompress it first" });
  }
  return copy.span;
}

export function invalidArchive(message: string, cause?: unknown): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_ARCHIVE, `invalid archive: ${message}`, { cause });
}

export function quoted(path: string): string {
  return JSON.stringify(toDisplayPath(path));
}
