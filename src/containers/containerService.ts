import type { Filters } from "#engineapi";
import type { ImageUsers } from "#images";
import type { Platform } from "#oci";

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

/** What a client wants of a container's streams. */
export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** What was written before, first. */
  readonly logs: boolean;
  /** What is written from now on. */
  readonly stream: boolean;
  /** What a client types on a terminal to leave it, e.g. `ctrl-a,x`; default ctrl-p ctrl-q. */
  readonly detachKeys?: string;
}

/** An attached client. Output ends when the container's output ends. */
export interface Attachment extends AsyncDisposable {
  readonly tty: boolean;
  readonly output: AsyncIterable<OutputFrame>;
  /** Resolves when the bytes are taken: not before the container runs. Does nothing after its end. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the container's input if it was made for one client (`StdinOnce`); else only this client's. */
  closeStdin(): void;
}

/** Which part of a container's log. */
export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Only the last lines; default all. */
  readonly tail?: number;
  /** Nanoseconds since 1970, both inclusive. */
  readonly since?: bigint;
  readonly until?: bigint;
  /** RFC 3339 and a space before every line. */
  readonly timestamps?: boolean;
  /** The log driver's attributes and a space before every line. */
  readonly details?: boolean;
  /** Goes on until the container's output ends, or `signal` fires. */
  readonly follow: boolean;
  readonly signal?: AbortSignal;
}

/** Which containers a list shows, newest first. */
export interface ListOptions {
  /** Also those that do not run. */
  readonly all: boolean;
  /** At most so many, running or not. */
  readonly limit?: number;
  /** With `SizeRw` and `SizeRootFs`. */
  readonly size?: boolean;
  readonly filters: Filters;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

/** Body of `POST /containers/{id}/wait`. */
export interface WaitResult {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string };
}

/**
 * Containers: create, start, their streams, exit, removal. What is done to one that exists is {@link ContainerControl}. `reference` is an id, a name, or a prefix of the id that only one container has.
 *
 * A container goes created → running → exited (→ running …) → gone. It belongs to conmon, not to this process: it runs on
 * when the daemon dies, and the next daemon takes it up by `reconcile`. What a request asks and this engine cannot do is
 * refused with {not_implemented} naming the option.
 *
 * Every method with a reference throws {not_found} CONTAINER_NOT_FOUND.
 */
export interface ContainerService extends ImageUsers {
  /** @throws {not_found} IMAGE_NOT_FOUND {conflict} CONTAINER_NAME_IN_USE {not_implemented} {failed_precondition} MISSING_PROGRAM */
  create(
    request: ContainerCreateRequest,
    name?: string,
    platform?: Platform,
  ): Promise<{ readonly Id: string; readonly Warnings: readonly string[] }>;
  /** Resolves when the program runs. @throws {not_modified} when it did already, {invalid_argument} when there is no such program */
  start(reference: string): Promise<void>;
  /** Registers before it resolves, so that a start afterwards loses no output. @throws {conflict} while it is paused or about to restart */
  attach(reference: string, options: AttachOptions): Promise<Attachment>;
  /** Registers before it returns. `removed` is answered when nothing is left of the container. */
  wait(reference: string, condition: WaitCondition, signal?: AbortSignal): Promise<WaitResult>;
  /** Size of the terminal. @throws {conflict} CONTAINER_STATE when it does not run */
  resize(reference: string, rows: number, columns: number): Promise<void>;
  /** `parent/alias`: that link is no more, its container stays. @throws {internal} when it is no name that a link gives */
  unlink(reference: string): Promise<void>;
  /** With `force` one that runs is killed first. @throws {conflict} CONTAINER_STATE when it runs and `force` is not given */
  remove(reference: string, options: { readonly force: boolean; readonly volumes: boolean }): Promise<void>;
  /** `GET /containers/{id}/json`; `size`: with `SizeRw` and `SizeRootFs`. */
  inspect(reference: string, options?: { readonly size?: boolean }): Promise<Readonly<Record<string, unknown>>>;
  /** `GET /containers/json`. @throws {invalid_argument} INVALID_FILTER */
  list(options: ListOptions): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /**
   * What the container wrote, from its log: Docker's frames, a line each, or bytes as written of a terminal. Throws before
   * the first of them. @throws {not_implemented} without a log
   */
  logs(reference: string, options: LogOptions): AsyncIterable<Uint8Array>;
  /** Containers in each state, for `info`. */
  counts(): { readonly running: number; readonly paused: number; readonly stopped: number };
  /** Takes up containers that lived through the daemon's absence; called once, before anything else. */
  reconcile(): Promise<void>;
  /** Stops watching. Containers go on. */
  close(): Promise<void>;
}
