/**
 * A graph of BuildKit's own operations (LLB), as clients marshal it: fields have the names and meanings that
 * solver/pb/ops.proto gives them. What is absent has proto3's default.
 */
export interface Definition {
  /** By digest of their bytes. */
  readonly operations: ReadonlyMap<string, DefinedOperation>;
  /** The result: an output of one of them. */
  readonly result: DefinedInput;
}

export interface DefinedInput {
  readonly digest: string;
  /** Which of its outputs. */
  readonly index: number;
}

export interface DefinedOperation {
  readonly inputs: readonly DefinedInput[];
  readonly platform: DefinedPlatform | undefined;
  readonly source: { readonly identifier: string; readonly attrs: Readonly<Record<string, string>> } | undefined;
  readonly exec: DefinedExec | undefined;
  readonly file: { readonly actions: readonly DefinedAction[] } | undefined;
  readonly merge: { readonly inputs: readonly { readonly input: number }[] } | undefined;
  /** Descriptions of the operation, `llb.customname` among them. */
  readonly description: Readonly<Record<string, string>>;
  readonly ignoreCache: boolean;
}

export interface DefinedPlatform {
  readonly architecture: string;
  readonly os: string;
  readonly variant: string;
}

export interface DefinedExec {
  readonly meta:
    | {
        readonly args: readonly string[];
        readonly env: readonly string[];
        readonly cwd: string;
        readonly user: string;
        readonly extraHosts: readonly { readonly host: string; readonly ip: string }[];
        readonly hostname: string;
        readonly ulimit: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
        readonly cgroupParent: string;
        readonly validExitCodes: readonly number[];
      }
    | undefined;
  readonly mounts: readonly DefinedMount[];
  /** 0 sandbox, 1 host, 2 none */
  readonly network: number;
  /** 0 sandbox, 1 insecure */
  readonly security: number;
  readonly secretenv: readonly { readonly id: string; readonly name: string; readonly optional: boolean }[];
}

interface DefinedSecret {
  readonly id: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly optional: boolean;
}

export interface DefinedMount {
  /** -1: nothing, an empty directory. */
  readonly input: number;
  readonly selector: string;
  readonly dest: string;
  readonly output: number;
  readonly readonly: boolean;
  /** 0 bind, 1 secret, 2 ssh, 3 cache, 4 tmpfs */
  readonly mountType: number;
  readonly tmpfsOpt: { readonly size: number } | undefined;
  /** sharing: 0 shared, 1 private, 2 locked */
  readonly cacheOpt: { readonly id: string; readonly sharing: number } | undefined;
  readonly secretOpt: DefinedSecret | undefined;
  readonly sshOpt: DefinedSecret | undefined;
}

export interface DefinedOwner {
  readonly user: DefinedUser | undefined;
  readonly group: DefinedUser | undefined;
}

interface DefinedUser {
  readonly byName: { readonly name: string } | undefined;
  readonly byId: number;
}

/** One of its fields that name what is done is there. */
export interface DefinedAction {
  /** An input, or beyond them the result of an earlier action; -1: nothing. */
  readonly input: number;
  readonly secondaryInput: number;
  readonly output: number;
  readonly copy: DefinedCopy | undefined;
  readonly mkfile:
    | {
        readonly path: string;
        readonly mode: number;
        readonly data: Uint8Array;
        readonly owner: DefinedOwner | undefined;
      }
    | undefined;
  readonly mkdir:
    | { readonly path: string; readonly mode: number; readonly owner: DefinedOwner | undefined }
    | undefined;
  readonly rm: { readonly path: string; readonly allowNotFound: boolean; readonly allowWildcard: boolean } | undefined;
  readonly symlink:
    | { readonly oldpath: string; readonly newpath: string; readonly owner: DefinedOwner | undefined }
    | undefined;
}

export interface DefinedCopy {
  readonly src: string;
  readonly dest: string;
  readonly owner: DefinedOwner | undefined;
  /** -1: as it is */
  readonly mode: number;
  readonly dirCopyContents: boolean;
  readonly attemptUnpack: boolean;
  readonly allowWildcard: boolean;
  readonly allowEmptyWildcard: boolean;
  readonly includePatterns: readonly string[];
  readonly excludePatterns: readonly string[];
  readonly modeStr: string;
}
