import type { ImageUsers } from "#images";

/** `POST /containers/create` body, as the API takes it (spec definitions ContainerConfig, HostConfig). Unknown keys are kept. */
export interface ContainerCreateRequest {
  readonly Image: string;
  readonly Cmd?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Env?: readonly string[] | null;
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly Tty?: boolean;
  readonly OpenStdin?: boolean;
  readonly StdinOnce?: boolean;
  readonly AttachStdin?: boolean;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  readonly Hostname?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
  readonly HostConfig?: {
    readonly NetworkMode?: string;
    readonly AutoRemove?: boolean;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

/** One stream of a container's output, as frames; the API turns them into Docker's multiplexed stream or raw bytes (tty). */
export interface OutputFrame {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

/** An attached client. Output ends when the container's output ends. */
export interface Attachment extends AsyncDisposable {
  readonly tty: boolean;
  readonly output: AsyncIterable<OutputFrame>;
  /** Resolves when the bytes are taken. */
  write(bytes: Uint8Array): Promise<void>;
  closeStdin(): void;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

/** The first walls of containers: enough of the Engine API for `docker run` in the foreground, `ps`, `rm`, `kill`, `logs`. */
export interface ContainerService extends ImageUsers {
  create(
    request: ContainerCreateRequest,
    name?: string,
  ): Promise<{ readonly Id: string; readonly Warnings: readonly string[] }>;
  start(id: string): Promise<void>;
  /** Registers before it resolves, so that a start afterwards loses no output. */
  attach(
    id: string,
    options: {
      readonly stdin: boolean;
      readonly stdout: boolean;
      readonly stderr: boolean;
      readonly logs: boolean;
      readonly stream: boolean;
    },
  ): Promise<Attachment>;
  wait(
    id: string,
    condition: WaitCondition,
    signal?: AbortSignal,
  ): Promise<{ readonly StatusCode: number; readonly Error?: { readonly Message: string } }>;
  kill(id: string, signal: string): Promise<void>;
  stop(id: string, timeoutSeconds?: number): Promise<void>;
  resize(id: string, rows: number, columns: number): Promise<void>;
  remove(id: string, options: { readonly force: boolean; readonly volumes: boolean }): Promise<void>;
  inspect(id: string): Promise<Readonly<Record<string, unknown>>>;
  list(options: {
    readonly all: boolean;
    readonly limit?: number;
    /** With `SizeRw` and `SizeRootFs`. */
    readonly size?: boolean;
    readonly filters: ReadonlyMap<string, readonly string[]>;
  }): Promise<readonly Readonly<Record<string, unknown>>[]>;
  logs(
    id: string,
    options: {
      readonly stdout: boolean;
      readonly stderr: boolean;
      readonly tail?: number;
      readonly follow: boolean;
      readonly signal?: AbortSignal;
    },
  ): AsyncIterable<OutputFrame>;
  /** Containers in each state, for `info`. */
  counts(): { readonly running: number; readonly paused: number; readonly stopped: number };
  /** Takes up containers that lived through the daemon's absence; called once at start. */
  reconcile(): Promise<void>;
  close(): Promise<void>;
}
