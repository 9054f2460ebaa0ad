/**
 * What this room asks of builds, and what builds may ask of a client. The build room implements {@link BuildService}; a gRPC
 * session is a {@link BuildSession}. Times are milliseconds since 1970, digests `sha256:<hex>`.
 */

/** Metadata of an entry, as fsutil sends it: `mode` is POSIX (type and permissions), `path` relative with slashes. */
export interface EntryStat {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Nanoseconds since 1970, may be negative. */
  readonly modTime: bigint;
  /** Target of a symbolic link, or the earlier path that a hard link is one with. */
  readonly linkname: string;
  readonly devmajor: number;
  readonly devminor: number;
  readonly xattrs: Readonly<Record<string, Uint8Array>>;
}

/** Takes a tree from a client. Entries come depth first, names in byte order; contents of several files interleave. */
export interface TreeSink {
  /** A new entry. True asks for its content; only asked of regular files that are no hard links when true is answered. */
  entry(stat: EntryStat): boolean | Promise<boolean>;
  data(stat: EntryStat, chunk: Uint8Array): void | Promise<void>;
  /** The content is whole. */
  complete(stat: EntryStat): void | Promise<void>;
}

/** Which part of a client's directory is wanted. */
export interface TreeRequest {
  /** `context`, `dockerfile` or a named context. */
  readonly name: string;
  /** Paths wanted, symbolic links in them followed by the client; empty = all. */
  readonly followPaths: readonly string[];
  readonly includePatterns: readonly string[];
  readonly excludePatterns: readonly string[];
  readonly sink: TreeSink;
  /** Bytes received so far, as BuildKit counts them (packets, not file sizes). */
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/** An entry that a client shall write. */
export interface OutgoingEntry {
  readonly stat: EntryStat;
  /** Of regular files. */
  open(): AsyncIterable<Uint8Array>;
}

/** Where an output goes: `index` counts the exporters of the build. */
export interface OutputTarget {
  readonly index: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
}

/** Credentials of a registry; all empty = anonymous. A token that stands for a user has no username. */
export interface ClientCredentials {
  readonly username: string;
  readonly secret: string;
}

/** What a build asks of the client that started it. Everything may fail with `unavailable` when the client has gone. */
export interface BuildSession {
  readonly id: string;
  /** The same text for the same directory of the same machine; empty = unknown. */
  readonly sharedKey: string;
  /** Receives a tree. @throws {not_found} `no local sources enabled` when the client offers none; {invalid_argument} for a lying stream */
  receiveTree(request: TreeRequest): Promise<void>;
  /** A tar that the client uploads: its bytes as they are, maybe compressed. `url` is `http://buildkit-session/<id>`. */
  upload(url: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Writes entries, in fsutil's order, into the client's output directory. */
  sendTree(
    target: OutputTarget & { readonly isMultiPlatform: boolean },
    entries: AsyncIterable<OutgoingEntry>,
  ): Promise<void>;
  /** Streams one file to the client; false when the client does not want it. */
  sendFile(
    target: OutputTarget & { readonly metadata: Readonly<Record<string, string>> },
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<boolean>;
  /** undefined when the client has no such secret. */
  secret(id: string): Promise<Uint8Array | undefined>;
  /** undefined when the client shares none. */
  credentials(host: string): Promise<ClientCredentials | undefined>;
  /** Checks that the client offers this agent. @throws {not_found} */
  checkSshAgent(id: string): Promise<void>;
  /** One connection to the client's agent: what `from` yields goes there, what it answers is yielded. */
  sshAgent(id: string, from: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** One step of a build, always with its full state. */
export interface VertexState {
  readonly digest: string;
  readonly inputs: readonly string[];
  readonly name: string;
  readonly cached: boolean;
  readonly started?: number | undefined;
  readonly completed?: number | undefined;
  readonly error?: string | undefined;
}

/** A line below a step: `id current / total`. */
export interface StatusState {
  readonly id: string;
  readonly vertex: string;
  readonly current: number;
  readonly total: number;
  readonly timestamp: number;
  readonly started?: number | undefined;
  readonly completed?: number | undefined;
}

/** A place in a Dockerfile, lines from 1. */
export interface SourcePlace {
  readonly filename: string;
  readonly data: Uint8Array;
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
}

/** A piece of progress. */
export interface BuildProgress {
  readonly vertexes?: readonly VertexState[];
  readonly statuses?: readonly StatusState[];
  readonly logs?: readonly {
    readonly vertex: string;
    readonly timestamp: number;
    readonly stream: 1 | 2;
    readonly data: Uint8Array;
  }[];
  readonly warnings?: readonly {
    readonly vertex: string;
    readonly level: number;
    readonly short: string;
    readonly detail: readonly string[];
    readonly url: string;
    readonly source?: SourcePlace | undefined;
  }[];
}

/** What a client asks for: attributes are BuildKit's (`filename`, `build-arg:K`, …). */
export interface FrontendRequest {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly session: BuildSession;
  /** Another session of the same client that offers directories (`local-sessionid:NAME`). */
  sessionOf(id: string): Promise<BuildSession>;
  readonly entitlements: readonly string[];
  readonly cacheImports: readonly TypedAttributes[];
  readonly progress: (event: BuildProgress) => void;
  readonly signal: AbortSignal;
}

/** `{ type: "local", attributes: { dest: … } }`. */
export interface TypedAttributes {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What a frontend made: not run yet. */
export interface BuildResult {
  /** Ids of platforms, `linux/amd64`; empty for a result of one platform, undefined where there are no layers. */
  readonly platforms: readonly string[] | undefined;
  readonly metadata: Readonly<Record<string, Uint8Array>>;
  /** Runs what the result stands for; nothing is exported. */
  evaluate(): Promise<void>;
  /** Reads from the result's filesystem, running what it needs. */
  files(platform: string | undefined): ResultFiles;
  /** Runs it and exports it; resolves with the exporter's response. */
  export(
    exporters: readonly TypedAttributes[],
    cacheExports: readonly TypedAttributes[],
  ): Promise<Readonly<Record<string, string>>>;
}

/** Reading in a result. */
export interface ResultFiles {
  readFile(path: string): Promise<Uint8Array>;
  readDirectory(path: string): Promise<readonly EntryStat[]>;
  stat(path: string): Promise<EntryStat>;
}

/** A row of `buildx du`. */
export interface CacheUsage {
  readonly id: string;
  readonly parents: readonly string[];
  readonly type: string;
  readonly description: string;
  readonly isMutable: boolean;
  readonly inUse: boolean;
  readonly isShared: boolean;
  readonly size: number;
  readonly createdAt: number;
  readonly lastUsedAt?: number | undefined;
  readonly usageCount: number;
}

/** What to prune; zero = no bound. */
export interface CachePruneRequest {
  readonly filters: readonly string[];
  readonly all: boolean;
  readonly keepDurationMs: number;
  readonly reservedSpace: number;
  readonly maxUsedSpace: number;
  readonly minFreeSpace: number;
}

/** Builds, behind the protocol. */
export interface BuildService {
  /** `linux/amd64`, then variants, then emulated ones. */
  platforms(): readonly { readonly os: string; readonly architecture: string; readonly variant?: string | undefined }[];
  /** @throws EngineError with Docker's words; `details.source` of a {@link SourcePlace} makes the client show the lines. */
  solve(request: FrontendRequest): Promise<BuildResult>;
  resolveImage(request: {
    readonly reference: string;
    readonly platform: string | undefined;
    readonly mode: string;
    readonly session: BuildSession;
  }): Promise<{ readonly digest: string; readonly config: Uint8Array }>;
  cacheUsage(filters: readonly string[]): Promise<readonly CacheUsage[]>;
  pruneCache(request: CachePruneRequest): AsyncIterable<CacheUsage>;
}
