import type { SolveStatusSink } from "#engineapi";
import type { Platform } from "#oci";
import type { BuiltTarget } from "./buildService.ts";
import type { Definition } from "./definitions/definition.ts";
import type { BuildSession } from "./session.ts";

/** A build as all APIs ask for it. */
export interface BuildRequest {
  /** Unique name of the run, chosen by the client. */
  readonly ref: string;
  readonly options: FrontendOptions;
  readonly session: BuildSession;
  readonly progress: SolveStatusSink;
  readonly cacheImports: readonly CacheLocation[];
  readonly cacheExports: readonly CacheLocation[];
  /** In the order that the session knows them by; empty: the result is only cached. */
  readonly exports: readonly ExportRequest[];
  /** Results of other builds, by what follows `input:` in a named context; absent: none. */
  readonly inputs?: ReadonlyMap<string, BuiltTarget>;
  /** A graph to build in place of a Dockerfile; `inputs` are by identifiers of its sources then. */
  readonly definition?: Definition;
  /** Kept out of history. */
  readonly internal: boolean;
  /** Tell why steps were not cached. */
  readonly explain: boolean;
  /** What the caller allows: `network.host`, `security.insecure`, `device`. */
  readonly entitlements: readonly string[];
  readonly signal: AbortSignal;
}

export interface CacheLocation {
  /** `registry`, `local`, `inline`, … */
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface ExportRequest {
  /** `moby` (= image), `docker`, `oci`, `tar`, `local`, `cacheonly` */
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Attributes of BuildKit's Dockerfile frontend, typed (BUILDKIT.md §4.3). */
export interface FrontendOptions {
  /** Default `Dockerfile`. */
  readonly filename: string;
  readonly target: string | undefined;
  /** Empty: the host's. */
  readonly platforms: readonly Platform[];
  readonly buildArguments: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  /** `all`, or names of stages; empty: none. */
  readonly noCache: "all" | readonly string[];
  /** `local`: what is here wins; `pull`: always ask the registry; `default`: ask, fall back on what is here. */
  readonly imageResolveMode: "default" | "pull" | "local";
  readonly addHosts: readonly string[];
  readonly networkMode: "default" | "none" | "host";
  readonly shmSize: number | undefined;
  readonly ulimits: readonly string[];
  readonly cgroupParent: string | undefined;
  readonly hostname: string | undefined;
  /** Context of the build: undefined = the session's directory `context`; a URL (git, http, session upload) otherwise. */
  readonly context: string | undefined;
  /** Whose the files of such a context are: as it says, or root's, as the older builder has it. */
  readonly contextOwner: "kept" | "root";
  /** The session's name of the directory with the Dockerfile; default `dockerfile`. Of the context: default `context`. */
  readonly dockerfileDirectory: string;
  readonly contextDirectory: string;
  /** Named contexts: name (with `::platform` when one was given) → `docker-image://…`, `local:NAME`, `oci-layout://…`, git or http URL, `input:NAME`. */
  readonly namedContexts: ReadonlyMap<string, string>;
  /** `sharedkey:localdir:NAME` and the session's own. */
  readonly sharedKeys: ReadonlyMap<string, string>;
  readonly multiPlatform: boolean;
  /** `attest:provenance`, `attest:sbom`: as given. */
  readonly attestations: ReadonlyMap<string, string>;
  /** `frontend.outline`, `frontend.targets`, `frontend.lint`, with options as given. */
  readonly subrequest: string | undefined;
  readonly limits: Readonly<Record<string, string>>;
  /** All attributes as they came: for history and provenance. */
  readonly raw: Readonly<Record<string, string>>;
}
