import type { Duplex } from "node:stream";
import type { Digest } from "#oci";
import type { RegistryCredentials } from "#remote";
import type { ContextReceiver } from "./files/contextDirectory.ts";

/**
 * Who asked for a build, as far as a build calls back: directories, secrets, credentials, and where outputs go. BuildKit's
 * clients answer over a gRPC session (room `buildkit`); the classic API and varve's own command give simpler ones.
 */
export interface BuildSession {
  /** A directory that the daemon may read in place (a client of this machine); undefined: ask `sendDirectory`. */
  localDirectory(name: string): Promise<string | undefined>;
  /** Sends what is wanted of a directory. @throws {not_found} when the client does not offer it. */
  sendDirectory(name: string, wanted: WantedFiles, receiver: ContextReceiver): Promise<void>;
  /** A tar that the client holds back: `http://buildkit-session/<id>`. @throws {not_found} */
  upload(url: string): AsyncIterable<Uint8Array>;
  /** @throws {not_found} `secret nosuch: not found` */
  secret(id: string): Promise<Uint8Array>;
  /** A connection to the client's ssh agent. @throws {not_found} */
  connectSshAgent(id: string): Promise<Duplex>;
  /** undefined = anonymous */
  credentials(registryHost: string): Promise<RegistryCredentials | undefined>;
  /** Content that the client holds: `local:<directory>` for caches, an OCI layout by its name. @throws {not_found} */
  contentStore(id: string): Promise<SessionContent>;
  /** One tar (`tar`, `oci`, `docker`) for exporter number `index`; resolves when the client has it. */
  sendTar(output: OutputTarget, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** A tree for exporter number `index`, as the tar that it would be. */
  sendTree(output: OutputTarget, tar: AsyncIterable<Uint8Array>): Promise<void>;
}

export interface OutputTarget {
  /** Position among the exports of the request. */
  readonly index: number;
  /** Exporter response so far: a BuildKit client gets it as metadata. */
  readonly response: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface WantedFiles {
  readonly followPaths: readonly string[] | undefined;
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
  readonly signal: AbortSignal;
  /** Bytes of the transfer so far, as the client's packets count. */
  readonly onProgress: (bytes: number) => void;
}

/** A content store at the client's side. */
export interface SessionContent {
  /** undefined when it is not there. */
  info(digest: Digest): Promise<{ readonly size: number } | undefined>;
  read(digest: Digest, range?: { readonly offset: number; readonly length: number }): AsyncIterable<Uint8Array>;
  write(digest: Digest, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void>;
}
