import { hash } from "node:crypto";
import { posix } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import type { IngestedLayer } from "#layers";
import { algorithmOf, hexOf, isDigest } from "#oci";
import type { Digest } from "#oci";
import { cleanTarPath, toDisplayPath } from "#tar";
import { invalidArchive } from "./imageErrors.ts";

/** Largest member that is kept in memory, bytes. */
export const MAX_DOCUMENT_BYTES: number = 8 << 20;
const MAX_ALL_DOCUMENTS_BYTES = 64 << 20;

const BLOB_PATH = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/;

/** A layer that came out of an archive, or why its member is none. */
export type ArchivedLayer = { readonly ingested: IngestedLayer } | { readonly failure: unknown };

/** Where an OCI layout keeps a blob. */
export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** The digest that an OCI layout's member promises by its name. */
export function digestOfPath(path: string): Digest | undefined {
  const [, algorithm, hex] = BLOB_PATH.exec(path) ?? [];
  const text = `${algorithm}:${hex}`;
  return isDigest(text) ? text : undefined;
}

/** What an archive held, by cleaned path: documents in memory, layers in the store, links between both. */
export class ArchiveContents {
  readonly #documents = new Map<string, Uint8Array>();
  readonly #layers = new Map<string, ArchivedLayer>();
  readonly #links = new Map<string, string>();
  readonly #seen = new Set<string>();
  #documentBytes = 0;

  /** Enters a member's name. @throws {invalid_argument} INVALID_ARCHIVE when it is there already */
  enter(path: string): void {
    if (this.#seen.has(path)) throw invalidArchive(`${quoted(path)} is in it twice`);
    this.#seen.add(path);
  }

  addDocument(path: string, bytes: Uint8Array): void {
    this.#documentBytes += bytes.length;
    if (this.#documentBytes > MAX_ALL_DOCUMENTS_BYTES) {
      const message = `invalid archive: more than ${MAX_ALL_DOCUMENTS_BYTES} bytes of documents`;
      throw new EngineError("resource_exhausted", ErrorCode.INVALID_ARCHIVE, message);
    }
    this.#documents.set(path, bytes);
  }

  addLayer(path: string, layer: ArchivedLayer): void {
    this.#layers.set(path, layer);
  }

  /** @throws {invalid_argument} PATH_ESCAPE when the target is outside the archive */
  addLink(path: string, target: string, kind: "symlink" | "hardlink"): void {
    const from = kind === "symlink" ? posix.dirname(path) : ".";
    const whole = posix.normalize(posix.join(from, target));
    if (target.startsWith("/") || whole === ".." || whole.startsWith("../")) {
      const message = `invalid archive: link ${quoted(path)} leads out of it, to ${quoted(target)}`;
      throw new EngineError("invalid_argument", ErrorCode.PATH_ESCAPE, message);
    }
    this.#links.set(path, cleanTarPath(whole));
  }

  /** True if the archive has a member of this name, whatever it is. */
  has(name: string): boolean {
    return this.#seen.has(cleanTarPath(name));
  }

  /** A member's bytes; a blob's are checked against its name. @throws {invalid_argument} INVALID_ARCHIVE; {data_loss} DIGEST_MISMATCH */
  document(name: string): Uint8Array {
    const path = this.#follow(name);
    const bytes = this.#documents.get(path);
    if (bytes === undefined) {
      if (!this.#seen.has(path)) throw invalidArchive(`${quoted(name)} is missing`);
      throw invalidArchive(`${quoted(name)} is no document of at most ${MAX_DOCUMENT_BYTES} bytes`);
    }
    const promised = digestOfPath(path);
    if (promised !== undefined) checkDocument(promised, bytes);
    return bytes;
  }

  /** undefined when the archive has no such member. @throws what made the member no layer */
  layer(name: string): IngestedLayer | undefined {
    const path = this.#follow(name);
    const layer = this.#layers.get(path);
    if (layer === undefined) {
      if (this.#seen.has(path)) throw invalidArchive(`${quoted(name)} is no layer`);
      return undefined;
    }
    if ("failure" in layer) throw layer.failure;
    return layer.ingested;
  }

  /** One link is enough: old docker and kaniko link a repeated layer to its first copy. */
  #follow(name: string): string {
    const path = cleanTarPath(name);
    return this.#links.get(path) ?? path;
  }
}

function checkDocument(promised: Digest, bytes: Uint8Array): void {
  const actual = hash(algorithmOf(promised), bytes, "hex");
  if (actual === hexOf(promised)) return;
  const message = `blob ${promised}: its bytes hash to ${algorithmOf(promised)}:${actual}`;
  throw new EngineError("data_loss", ErrorCode.DIGEST_MISMATCH, message);
}

function quoted(path: string): string {
  return JSON.stringify(toDisplayPath(path));
}
