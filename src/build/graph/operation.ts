import type { Digest, DiffId, Platform, Reference } from "#oci";
import type { ContextDirectory } from "../files/contextDirectory.ts";

/**
 * What a vertex does. Operations are plain data: equal data and equal inputs give an equal result, so every field that
 * shapes the result is here, expanded (no variable is left), and nothing else is. `kind` chooses the handler.
 */
export type Operation =
  | Scratch
  | Merge
  | ImageSource
  | LocalSource
  | HttpSource
  | GitSource
  | FileOperation
  | ExecOperation;

/** `FROM scratch`: the empty stack. No inputs; the solver does it. */
export interface Scratch {
  readonly kind: "scratch";
}

/** The stacks of all inputs, one above the other; the solver does it. */
export interface Merge {
  readonly kind: "merge";
}

/** Layers of an image that was resolved before (its config is known). No inputs. */
export interface ImageSource {
  readonly kind: "image";
  readonly reference: Reference;
  /** The platform's manifest; undefined for an image that is only here. */
  readonly manifest: Digest | undefined;
  readonly imageId: Digest;
  readonly platform: Platform;
  /** Base first. */
  readonly diffIds: readonly DiffId[];
  /** Layers that are not here are fetched from here: `registry` by the reference, `oci-layout` from a session's store. */
  readonly origin: "local" | "registry" | { readonly ociLayout: string };
}

/** A directory of the client: build context, named context. No inputs. */
export interface LocalSource {
  readonly kind: "local";
  /** Name by which the session knows it: `context`, or a named context's. */
  readonly name: string;
  /** Paths that are wanted, `*` patterns allowed; undefined = all. */
  readonly followPaths: readonly string[] | undefined;
  /** Cleaned lines of `.dockerignore`. */
  readonly excludes: readonly string[];
  /** The same client directory again: what was received for it is reused. */
  readonly sharedKey: string;
}

/** One file from the net (ADD url), or with `unpack` a tar context, whose files are the result. No inputs. */
export interface HttpSource {
  readonly kind: "http";
  readonly url: string;
  readonly checksum: Digest | undefined;
  readonly filename: string | undefined;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly unpack: boolean;
}

/** A git checkout; the root of the result is `subdirectory`. No inputs. */
export interface GitSource {
  readonly kind: "git";
  readonly remote: string;
  readonly ref: string | undefined;
  readonly subdirectory: string | undefined;
  readonly keepGitDirectory: boolean;
  readonly checksum: string | undefined;
}

/**
 * COPY, ADD, WORKDIR, heredoc files: makes exactly one layer above its base. Inputs: [0] the base (a stack, `undefined`
 * input never: an empty stack is the scratch vertex), then the sources that actions name by index.
 */
export interface FileOperation {
  readonly kind: "file";
  readonly actions: readonly FileAction[];
  /** `--link`: the layer does not look at its base, so that it stays valid when the base changes. */
  readonly link: boolean;
  /** SOURCE_DATE_EPOCH, seconds since 1970: the time of what is made, not of what is copied (rewrite-timestamp is the exporters'). */
  readonly epoch: number | undefined;
}

export type FileAction = CopyAction | MakeDirectory | MakeFile | MakeSymlink | Remove;

/** Paths are absolute in the image after WORKDIR; `/`-terminated destination = directory. */
export interface CopyAction {
  readonly action: "copy";
  /** Index into the vertex's inputs. */
  readonly input: number;
  /** As written, expanded; wildcards as Go's filepath.Match, relative to the source's root. */
  readonly sources: readonly string[];
  readonly destination: string;
  readonly destinationIsDirectory: boolean;
  readonly owner: Owner | undefined;
  /** Octal (`0644`) or symbolic (`u+x,go=`), as written. */
  readonly mode: string | undefined;
  readonly parents: boolean;
  readonly excludes: readonly string[];
  /** ADD: local archives are unpacked. */
  readonly unpack: boolean;
  /** COPY --from and named contexts keep the owner that the source has; the build context is root's. */
  readonly keepOwner: boolean;
  /** False: a path of `--parents` that is not there is an error; a wildcard that matches nothing never is. */
  readonly allowNoMatch: boolean;
  /** A directory goes into the destination under its own name, if that is a directory; absent: what is in it does. */
  readonly keepsName?: true;
}

export interface MakeSymlink {
  readonly action: "makeSymlink";
  readonly path: string;
  readonly target: string;
  readonly owner: Owner | undefined;
}

/** A file, or a directory with all that is in it. */
export interface Remove {
  readonly action: "remove";
  readonly path: string;
  /** False: that it is not there is an error. */
  readonly allowAbsent: boolean;
  readonly owner?: undefined;
}

export interface MakeDirectory {
  readonly action: "makeDirectory";
  readonly path: string;
  readonly mode: number;
  readonly owner: Owner | undefined;
}

/** A heredoc. */
export interface MakeFile {
  readonly action: "makeFile";
  readonly name: string;
  readonly data: string;
  readonly destination: string;
  readonly destinationIsDirectory: boolean;
  readonly owner: Owner | undefined;
  readonly mode: string | undefined;
}

/** `--chown`: names are looked up in the base's /etc/passwd and /etc/group. As written, expanded: `user[:group]`. */
export type Owner = string;

/** RUN: makes one layer above its base. Inputs: [0] the base, then what `mounts` name by index. */
export interface ExecOperation {
  readonly kind: "exec";
  /** argv after SHELL was applied. */
  readonly arguments: readonly string[];
  /** `NAME=value`, in order; PATH included; build args included. */
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly mounts: readonly ExecMount[];
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
  readonly platform: Platform;
  /** Do not shape the result: kept out of the key. */
  readonly limits: ExecLimits;
  readonly hostname: string | undefined;
  /** `name:address`; in the key, as BuildKit does. */
  readonly extraHosts: readonly string[];
  /** Proxy variables of the build args: in the environment, not in the key. `NAME=value` */
  readonly proxyEnvironment: readonly string[];
  readonly stdin?: string;
  /** 0 only unless listed (never from a Dockerfile today). */
  readonly validExitCodes?: readonly number[];
}

export interface ExecLimits {
  /** bytes */
  readonly shmSize: number | undefined;
  /** `nofile=1024:2048` */
  readonly ulimits: readonly string[];
  readonly cgroupParent: string | undefined;
  readonly memory?: number;
  readonly memorySwap?: number;
  readonly cpuShares?: number;
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
}

/** Targets are absolute. Modes as numbers, e.g. 0o755. */
export type ExecMount =
  | {
      readonly type: "bind";
      readonly input: number;
      readonly source: string;
      readonly target: string;
      /** `rw`: written changes are thrown away. */
      readonly readWrite: boolean;
    }
  | {
      readonly type: "cache";
      readonly id: string;
      readonly sharing: "shared" | "private" | "locked";
      readonly target: string;
      readonly readOnly: boolean;
      /** Where an empty cache gets its first content from. */
      readonly input: number | undefined;
      readonly source: string;
      readonly mode: number | undefined;
      readonly uid: number | undefined;
      readonly gid: number | undefined;
    }
  | { readonly type: "tmpfs"; readonly target: string /** bytes */; readonly size: number | undefined }
  | {
      readonly type: "secret";
      readonly id: string;
      /** undefined with `environment` only */
      readonly target: string | undefined;
      readonly environment: string | undefined;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly type: "ssh";
      readonly id: string;
      readonly target: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** What a finished vertex is: a filesystem as data. */
export type Filesystem =
  | {
      readonly kind: "layers";
      /** Base first; empty = scratch. */
      readonly diffIds: readonly DiffId[];
      /** When the build (or an earlier one) made each layer, ms since 1970; undefined: not a build's. Set by the solver. */
      readonly createdAt?: readonly (number | undefined)[];
    }
  | { readonly kind: "context"; readonly directory: ContextDirectory };
