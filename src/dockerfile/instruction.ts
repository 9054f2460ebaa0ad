import type { LineRange } from "./ast.ts";

/** What every instruction tells of its place. */
export interface InstructionBase {
  /** As written: `RUN`, `run`. */
  readonly keyword: string;
  /** The whole line, flags included, continuations joined: what BuildKit shows in vertex names and history. */
  readonly original: string;
  readonly location: LineRange;
  readonly comments: readonly string[];
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** Written the old way, `ENV name value`. */
  readonly legacy: boolean;
}

export interface ArgDefinition {
  readonly key: string;
  /** The default; undefined for `ARG name`. */
  readonly value?: string;
  /** From the comment `# name description` above. */
  readonly description: string;
}

/** A file whose content stands in the Dockerfile: `COPY <<name /path`. */
export interface InlineFile {
  readonly path: string;
  readonly data: string;
  /** Variables of `data` are to be expanded. */
  readonly expand: boolean;
}

/** What COPY and ADD have in common. Empty text for a flag that is absent. */
export interface FileTransfer {
  readonly sources: readonly string[];
  readonly contents: readonly InlineFile[];
  readonly destination: string;
  /** `user`, `user:group`, numbers or names. */
  readonly chown: string;
  /** Octal, or symbolic `u=rwX,go=`. */
  readonly chmod: string;
  readonly link: boolean;
  readonly exclude: readonly string[];
}

/** A command in exec form, or in shell form (one text). */
export interface CommandLine {
  readonly words: readonly string[];
  /** Shell form: the SHELL is to be put before. */
  readonly shellForm: boolean;
  readonly heredocs: readonly CommandHeredoc[];
}

/** A document of RUN. `data` has its leading tabs still; `chomp` says that they are to go. */
export interface CommandHeredoc {
  readonly name: string;
  readonly data: string;
  readonly chomp: boolean;
}

export type MountType = "bind" | "cache" | "tmpfs" | "secret" | "ssh";
export type CacheSharing = "shared" | "private" | "locked";

/** `RUN --mount=…`. Empty text for what was not said. */
export interface RunMount {
  readonly type: MountType;
  readonly from: string;
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Bytes of a tmpfs; 0 for the default. */
  readonly sizeLimit: number;
  readonly id: string;
  readonly sharing: CacheSharing | "";
  readonly required: boolean;
  /** Of a secret: the variable that gets its value; empty text for the secret's own name. */
  readonly env?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface RunDevice {
  readonly name: string;
  readonly required: boolean;
}

/** Times are nanoseconds as in an image config; 0 where nothing was said. */
export interface Healthcheck {
  readonly test: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

export interface AddInstruction extends InstructionBase, FileTransfer {
  readonly kind: "add";
  readonly checksum: string;
  /** Undefined where the flag is absent. */
  readonly keepGitDir?: boolean;
  readonly unpack?: boolean;
}
export interface ArgInstruction extends InstructionBase {
  readonly kind: "arg";
  readonly args: readonly ArgDefinition[];
}
export interface CmdInstruction extends InstructionBase {
  readonly kind: "cmd";
  readonly command: CommandLine;
}
export interface CopyInstruction extends InstructionBase, FileTransfer {
  readonly kind: "copy";
  /** A stage, its number, a named context or an image; empty for the build context. */
  readonly from: string;
  readonly parents: boolean;
}
export interface EntrypointInstruction extends InstructionBase {
  readonly kind: "entrypoint";
  readonly command: CommandLine;
}
export interface EnvInstruction extends InstructionBase {
  readonly kind: "env";
  readonly variables: readonly KeyValue[];
}
export interface ExposeInstruction extends InstructionBase {
  readonly kind: "expose";
  /** `80`, `80/tcp`, `8000-8010/udp`; sorted. */
  readonly ports: readonly string[];
}
export interface HealthcheckInstruction extends InstructionBase {
  readonly kind: "healthcheck";
  readonly health: Healthcheck;
}
export interface LabelInstruction extends InstructionBase {
  readonly kind: "label";
  readonly labels: readonly KeyValue[];
}
export interface MaintainerInstruction extends InstructionBase {
  readonly kind: "maintainer";
  readonly maintainer: string;
}
export interface OnbuildInstruction extends InstructionBase {
  readonly kind: "onbuild";
  /** The instruction that waits, with its heredocs: what an image's config keeps. */
  readonly expression: string;
}
export interface RunInstruction extends InstructionBase {
  readonly kind: "run";
  readonly command: CommandLine;
  /** The mounts as written; {@link RunInstruction.mounts} is made of them. */
  readonly mountFlags: readonly string[];
  /** Whole only after `expandInstruction`; before, only `from` is known. */
  readonly mounts: readonly RunMount[];
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
  readonly devices: readonly RunDevice[];
  /** Names of the flags that were given. */
  readonly flagsUsed: readonly string[];
}
export interface ShellInstruction extends InstructionBase {
  readonly kind: "shell";
  readonly shell: readonly string[];
}
export interface StopsignalInstruction extends InstructionBase {
  readonly kind: "stopsignal";
  readonly signal: string;
}
export interface UserInstruction extends InstructionBase {
  readonly kind: "user";
  readonly user: string;
}
export interface VolumeInstruction extends InstructionBase {
  readonly kind: "volume";
  readonly volumes: readonly string[];
}
export interface WorkdirInstruction extends InstructionBase {
  readonly kind: "workdir";
  readonly path: string;
}

/** Any instruction of a stage; FROM is the {@link Stage} itself. */
export type Instruction =
  | AddInstruction
  | ArgInstruction
  | CmdInstruction
  | CopyInstruction
  | EntrypointInstruction
  | EnvInstruction
  | ExposeInstruction
  | HealthcheckInstruction
  | LabelInstruction
  | MaintainerInstruction
  | OnbuildInstruction
  | RunInstruction
  | ShellInstruction
  | StopsignalInstruction
  | UserInstruction
  | VolumeInstruction
  | WorkdirInstruction;

/** FROM and what follows it. */
export interface Stage {
  /** Lower case; undefined for a stage without a name. */
  readonly name?: string;
  /** Image or stage, not expanded. */
  readonly baseName: string;
  /** Not expanded. */
  readonly platform?: string;
  readonly instructions: readonly Instruction[];
  /** FROM's lines. */
  readonly location: LineRange;
  /** FROM's line. */
  readonly sourceCode: string;
  /** FROM as written. */
  readonly keyword: string;
  readonly comments: readonly string[];
  /** From the comment `# name description` above. */
  readonly description: string;
}

export interface Stages {
  readonly filename: string;
  /** ARG before the first FROM. */
  readonly metaArgs: readonly ArgInstruction[];
  readonly stages: readonly Stage[];
}
