import type { SolveStatus } from "./solveStatus.ts";

/**
 * varve's own build calls, made by its command line:
 *
 * 1. `POST /varve/v1/build` with {@link LocalBuildRequest} as JSON (at most 4 MiB). The answer is a stream of
 *    {@link LocalBuildMessage}, one a line; the last is `result` or `error`. A client that closes it cancels the build;
 *    `DELETE /varve/v1/build?build=…` does too, and the stream then tells how the steps ended.
 * 2. The daemon asks for what only the client has ({@link LocalBuildAsk}). The client answers each `ask` once, on a
 *    connection of its own, at `/varve/v1/build/ask?build=…&ask=…`: `POST` with the bytes wanted (or `&error=…` and no
 *    body); `GET` for what the daemon sends (`tar`, `tree`, `blobWrite`); `POST` with `Upgrade: tcp` for a connection (`ssh`).
 *
 * Flow control, ends and failures are HTTP's own, so nothing here is framed by hand. `build` is 128 random bits: who does
 * not know it cannot answer for another client.
 */
export interface LocalBuildRequest {
  readonly ref: string;
  /** Of BuildKit's Dockerfile frontend: `filename`, `build-arg:A`, … */
  readonly attributes: Readonly<Record<string, string>>;
  readonly exports: readonly LocalBuildLocation[];
  readonly cacheImports: readonly LocalBuildLocation[];
  readonly cacheExports: readonly LocalBuildLocation[];
  readonly entitlements: readonly string[];
  readonly explain: boolean;
  /** Keep what a failed step began with, so that a shell can be opened in it. */
  readonly debugShell: boolean;
  /** Boot id of the client's machine: paths mean nothing to a daemon elsewhere. */
  readonly machine: string;
  /** What the session offers by name; read in place by a daemon that sees the same directory and may trust the client. */
  readonly directories: Readonly<Record<string, LocalDirectory>>;
}

export interface LocalBuildLocation {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A directory of the client; device and inode (decimal) tell whether the daemon sees the same one at that path. */
export interface LocalDirectory {
  readonly path: string;
  readonly device: string;
  readonly inode: string;
}

/** A question of the daemon. */
export type LocalBuildAsk = { readonly id: number } & (
  | {
      /** Answer: a tar of what is wanted of it, depth first, names in byte order. */
      readonly kind: "directory";
      readonly name: string;
      readonly followPaths?: readonly string[];
      readonly includes: readonly string[];
      readonly excludes: readonly string[];
    }
  /** Answer: standard input. */
  | { readonly kind: "upload" }
  | { readonly kind: "secret"; readonly secret: string }
  /** Answer: AuthConfig as JSON, `{}` for anonymous. */
  | { readonly kind: "credentials"; readonly host: string }
  | { readonly kind: "ssh"; readonly agent: string }
  /** Of a content store (an OCI layout). Answers: `{"size":…}` as JSON or an error; the bytes; nothing, bytes are fetched. */
  | { readonly kind: "blobInfo"; readonly store: string; readonly digest: string }
  | {
      readonly kind: "blobRead";
      readonly store: string;
      readonly digest: string;
      readonly offset: number;
      readonly length?: number;
    }
  | { readonly kind: "blobWrite"; readonly store: string; readonly digest: string; readonly size: number }
  | { readonly kind: "tar" | "tree"; readonly index: number; readonly response: Readonly<Record<string, string>> }
);

/** One line of the answer. */
export interface LocalBuildMessage {
  /** First of all: the name of the build in answers. */
  readonly build?: string;
  readonly status?: SolveStatus;
  readonly ask?: LocalBuildAsk;
  /** Exporter response, or the answer of a subrequest. */
  readonly result?: Readonly<Record<string, string>>;
  readonly error?: LocalBuildError;
}

/** Where a RUN failed. */
export interface LocalBuildShell {
  /** What the step began with; the client's to remove. */
  readonly imageId: string;
  readonly command: readonly string[];
  readonly network: "default" | "none" | "host";
  /** `source`: a path of the daemon's; `size`: bytes. */
  readonly mounts: readonly (
    | { readonly type: "bind"; readonly source: string; readonly target: string; readonly readOnly: boolean }
    | { readonly type: "tmpfs"; readonly target: string; readonly size?: number | undefined }
  )[];
  /** `NAME=value`, beside the image's. */
  readonly environment: readonly string[];
}

export interface LocalBuildError {
  readonly category: string;
  readonly message: string;
  readonly hint?: string;
  /** Of a step's command. */
  readonly exitCode?: number;
  /** Only when it was asked for. The stream stays open, and the mounts are there, until the client closes or cancels it. */
  readonly shell?: LocalBuildShell;
  /** Where in the Dockerfile; lines count from 1, ends included. */
  readonly source?: {
    readonly filename: string;
    readonly text: string;
    readonly ranges: readonly { readonly start: number; readonly end: number }[];
  };
}
