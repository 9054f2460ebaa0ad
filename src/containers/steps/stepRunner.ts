import type { Duplex } from "node:stream";
import type { DiffId } from "#oci";
import type { Ulimit } from "../request/hostConfig.ts";

/**
 * Runs a build's commands: isolated as containers are, but without record, name, events, log or monitor. A step lives as
 * long as this daemon: what a killed one left is ended and swept by `reconcile`.
 */
export interface StepRunner {
  /**
   * Mounts the stack with a writable top, runs the command to its end and resolves with how it ended. Nothing is left when
   * it fails. The caller disposes the result.
   * @throws {cancelled} when `signal` fires: all processes have ended then
   * @throws {internal} `unable to find user x: no matching entries in passwd file`
   */
  run(call: StepCall): Promise<FinishedStep>;
  /**
   * Makes mounts ready without a step, for a container that is to see what one saw; the caller keeps their layers from GC
   * and disposes them. What was written to them is thrown away, as after a step.
   */
  openMounts(mounts: readonly StepMount[]): Promise<HeldMounts>;
  /** At the daemon's start, after `containers.reconcile`: ends and takes away what an earlier daemon's steps left. */
  reconcile(): Promise<void>;
  /** Ends every step under way, and waits for that. */
  close(): Promise<void>;
}

export interface StepCall {
  /** Base first, all in the layer store; empty: an empty root. The caller keeps them from GC. */
  readonly diffIds: readonly DiffId[];
  readonly process: StepProcess;
  readonly mounts: readonly StepMount[];
  readonly isolation: StepIsolation;
  readonly limits: StepLimits;
  readonly signal: AbortSignal;
  /** 1 stdout, 2 stderr. The process waits while the promise does. */
  readonly onOutput: (stream: 1 | 2, bytes: Uint8Array) => void | Promise<void>;
}

export interface StepProcess {
  readonly arguments: readonly string[];
  /** The whole environment, `NAME=value`; HOME is added when it is not there. */
  readonly environment: readonly string[];
  /** Absolute; made (root's, 0755) when it is not there, which is a change of the step's. */
  readonly workingDirectory: string;
  /** `user[:group]`, by the root's own account files; empty: root. */
  readonly user: string;
  /** Absent: there is nothing to read. */
  readonly stdin?: string;
}

export interface StepIsolation {
  /** A bridge network as containers have by default, loopback alone, or the host's. */
  readonly network: "default" | "none" | "host";
  /** All capabilities and devices, no filter of system calls, nothing masked. */
  readonly insecure: boolean;
  readonly hostname: string;
  /** An address may be `host-gateway`. */
  readonly extraHosts: readonly { readonly name: string; readonly address: string }[];
}

/** 0, "" and absence: no limit. Sizes in bytes. */
export interface StepLimits {
  /** Default 64 MiB. */
  readonly shmSize?: number;
  readonly ulimits?: readonly Ulimit[];
  readonly cgroupParent?: string;
  readonly memory?: number;
  readonly memorySwap?: number;
  readonly cpuShares?: number;
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
}

/** What a step sees beside its root; in the order that they are mounted in. Targets are absolute. */
export type StepMount =
  /** A file or directory of the host. */
  | { readonly kind: "host"; readonly source: string; readonly target: string; readonly readOnly: boolean }
  /** A place within a directory of the host, symlinks resolved in it; what is written there is thrown away. */
  | {
      readonly kind: "directory";
      readonly directory: string;
      readonly path: string;
      readonly target: string;
      readonly readOnly: boolean;
    }
  /** A place within a stack of layers; what is written there is thrown away. */
  | {
      readonly kind: "layers";
      readonly diffIds: readonly DiffId[];
      readonly path: string;
      readonly target: string;
      readonly readOnly: boolean;
    }
  /** `size`: bytes; undefined: the kernel's default. */
  | { readonly kind: "tmpfs"; readonly target: string; readonly size: number | undefined }
  /** A file that is never on a disk. */
  | (Owned & { readonly kind: "content"; readonly bytes: Uint8Array; readonly target: string })
  /** A socket; each connection goes to a new one of `connect`. */
  | (Owned & { readonly kind: "socket"; readonly connect: () => Promise<Duplex>; readonly target: string });

interface Owned {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Mounts as a container is asked for them. */
export interface HeldMounts extends AsyncDisposable {
  readonly mounts: readonly HeldMount[];
}

export type HeldMount =
  | { readonly type: "bind"; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | { readonly type: "tmpfs"; readonly target: string; readonly size: number | undefined };

/** A step that has ended; its root is there until it is disposed. */
export interface FinishedStep extends AsyncDisposable {
  /** As a shell counts; a program that could not be started is 1, its reason went to stderr, as in BuildKit. */
  readonly exitCode: number;
  /**
   * What it changed, as the tar of a layer: whiteouts, opaque directories, hard links, file capabilities, whole seconds.
   * Without what the runtime needed in the root. To be read once.
   */
  changes(signal?: AbortSignal): AsyncIterable<Uint8Array>;
}
